"""Journey: the machine is gone, and the city comes back from what was kept elsewhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from crypto.kept_key import kept_key
from tests.journeys.running_city import ROOT, command, running


def beside(data: Path, name: str) -> Path:
    return data.with_name(f"{data.name}-backup-{name}")


def restore(lost: Path, kept: Path, into: Path, *more: str) -> subprocess.CompletedProcess[str]:
    line = [
        sys.executable, "-m", "commands", "restore", f"--from={beside(lost, 'repository')}", f"--outside={beside(lost, 'outside')}",
        f"--backup-keys={beside(lost, 'keys')}", f"--keys={kept}", f"--into={into}", "--json", *more,
    ]  # fmt: skip
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def keep_keys(data: Path, kept: Path) -> None:
    """What an operator carries to a safe."""
    shutil.copytree(data / "keys", kept / "keys")
    (kept / "issuer").mkdir()
    shutil.copy(data / "issuer/seal.key", kept / "issuer")


def test_a_city_comes_back_from_its_backup_starts_and_proves_its_log(founded: Path, tmp_path: Path) -> None:
    lost, kept, new = tmp_path / "lost", tmp_path / "kept", tmp_path / "new"
    shutil.copytree(founded, lost)
    with running(lost) as city:
        assert city.assign("qian", "zhao")[0] == 201
        made = city.command("backup", "run", "--json")
        assert made.returncode == 0, made.stderr
        drilled = city.command("backup", "drill", "--json")
        assert json.loads(drilled.stdout)["status"] == "passed"
        keep_keys(lost, kept)
        held = city.ask("qian", "GET", f"/api/v1/departments/civil/people/{city.subject('zhao')}/assignments")[1]
    shutil.rmtree(lost)
    back = restore(lost, kept, new)
    assert back.returncode == 0, back.stderr
    (checkpoint,) = beside(lost, "outside").glob("*.checkpoint")
    proven = command("audit", "verify", "--pinned", str(checkpoint), "--json", data=new)
    assert json.loads(proven.stdout)["status"] == "intact", proven.stdout
    assert json.loads(proven.stdout)["records"] == json.loads(made.stdout)["records"]
    with running(new) as city:
        zhao = city.subject("zhao")
        assert city.ask("qian", "GET", f"/api/v1/departments/civil/people/{zhao}/assignments")[1] == held
        assert city.command("people", "list", "civil").returncode == 0
        proven = city.command("audit", "verify", "--pinned", str(checkpoint), "--json")
        assert json.loads(proven.stdout)["status"] == "intact", proven.stdout
        assert kept_key(new / "keys", "zhou")
    assert not list(tmp_path.glob("*.restoring"))


def test_a_restore_is_whole_or_not_at_all_and_says_why(founded: Path, tmp_path: Path) -> None:
    lost, kept = tmp_path / "lost", tmp_path / "kept"
    shutil.copytree(founded, lost)
    with running(lost) as city:
        assert city.command("backup", "run").returncode == 0
    keep_keys(lost, kept)
    (kept / "keys/kek.key").rename(kept / "kek.key")
    refused = restore(lost, kept, tmp_path / "a")
    assert (refused.returncode, "keys/kek.key" in refused.stderr) == (6, True), refused.stderr
    (kept / "keys/kek.key").write_bytes(os.urandom(32))
    assert restore(lost, kept, tmp_path / "a").returncode == 6
    (kept / "kek.key").rename(kept / "keys/kek.key")
    (checkpoint,) = beside(lost, "outside").glob("*.checkpoint")
    moved = checkpoint.rename(tmp_path / "moved")
    assert restore(lost, kept, tmp_path / "a").returncode == 6
    moved.rename(checkpoint)
    wrap = beside(lost, "keys") / "wrap.key"
    good = wrap.read_bytes()
    wrap.write_bytes(os.urandom(32))
    assert "does not open" in restore(lost, kept, tmp_path / "a").stderr
    wrap.unlink()
    assert restore(lost, kept, tmp_path / "a").returncode == 6
    assert not wrap.exists()  # a restore makes no keys
    wrap.write_bytes(good)
    wrap.chmod(0o600)
    assert not (tmp_path / "a").exists()
    assert not list(tmp_path.glob("*.restoring"))
    assert restore(lost, kept, lost).returncode == 5  # never over what is there
    assert restore(lost, kept, tmp_path / "a", "--backup=../../etc").returncode == 7
    assert restore(lost, kept, tmp_path / "a").returncode == 0
