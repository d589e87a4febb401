"""docs/production.md: what a person is told to type makes exactly what docker-compose.yml mounts."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from audit.sequencer import Sequencer
from crypto.local_keys import load
from crypto.sign import SigningKey
from tests.deploy.composed import CITY, ROOT, compose, services
from tests.needs import need

PAGE = (ROOT / "docs/production.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def run(block: str, place: Path) -> None:
    """One block of the page, on a folder of the test's instead of /srv/citygate, as this account."""
    text = block.replace("/srv/citygate", str(place)).replace("10001:10001", f"{os.getuid()}:{os.getgid()}")
    text = text.replace("-o 10001 -g 10001", f"-o {os.getuid()} -g {os.getgid()}")
    done = subprocess.run(["sh", "-eu", "-c", text], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_secrets_of_the_page_are_those_that_are_mounted(tmp_path: Path) -> None:
    need("openssl")
    run(BLOCKS[0], place := tmp_path / "srv")
    made = {file.name: file for file in (place / "secrets").iterdir()}
    stated = {Path(one["file"]) for one in compose()["secrets"].values()}
    assert set(made) == {file.name for file in stated if file.parent.name == "secrets"}
    assert {oct(file.stat().st_mode)[-3:] for file in made.values()} == {"600"}
    held = {name: file.read_text() for name, file in made.items()}
    plain = {name: text for name, text in held.items() if name != "keycloak.conf"}
    assert len(set(plain.values())) == len(plain)
    assert all(re.fullmatch(r"[0-9a-f]{64}\n", text) for text in plain.values())
    said = f"db-password={held['keycloak-database-password']}bootstrap-admin-client-secret={held['provisioner-secret']}"
    assert held["keycloak.conf"] == said
    run(BLOCKS[0], place)
    assert {name: file.read_text() for name, file in made.items()} == held  # typed twice, nothing is lost
    for name in ("data", "postgres", "tls"):
        assert (place / name).is_dir()


def test_the_folders_of_the_page_are_those_that_are_mounted(founded: Path, tmp_path: Path) -> None:
    city = tmp_path / "data/city"
    shutil.copytree(founded, city)
    [block] = [one for one in BLOCKS if "audit/spools" in one]
    mounted = {Path(one["source"]) for service in services().values() for one in service.get("volumes", [])}
    inside = {city / source.relative_to(CITY) for source in mounted if source.is_relative_to(CITY)}
    assert not all(folder.is_dir() for folder in inside)
    run(block, tmp_path)
    assert [folder for folder in inside if not folder.is_dir()] == []
    key = SigningKey(load(city / "keys/audit.key"))
    sequencer = Sequencer(spools=city / "audit/spools", log=city / "audit/log", key=key, origin="city.example/audit")
    assert sequencer.integrate() > 0  # what is there and empty stops nobody
    sequencer.close()


@pytest.mark.parametrize("word", ["never started by us", "faults.md", "threat-model.md#the-production-profile"])
def test_the_page_says_what_it_must(word: str) -> None:
    assert word in PAGE


def test_every_service_is_explained() -> None:
    [table] = re.findall(r"## The processes\n(.*?)\n## ", PAGE, re.DOTALL)
    for name in services():
        assert f"`{name}`" in table or (name.startswith("gateway-") and "`gateway-1…3`" in table), name
    commands = re.findall(r"docker compose (?:run --rm|exec|up[a-z\- ]*?) ([a-z][a-z-]+)", PAGE)
    assert set(commands) <= set(services())
