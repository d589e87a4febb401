"""nginx as docker-compose.yml configures and starts it, on folders and ports of this machine."""

import http.client
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from string import Template

import pytest

from city.supervisor import BARE, Process, Supervisor, answers, free_ports
from tests.deploy.composed import CITY, ROOT, services
from tests.gateway.certificates import certificate
from tests.needs import need

DOMAIN = "city.example"
TABLES = ("deploy/demo/routes.toml", "deploy/stack/keycloak-routes.toml")


class Machine:
    """The folders that the composed services see, below a folder of the test's."""

    def __init__(self, folder: Path) -> None:
        self.port, self.plain = free_ports(2)
        self.city, self.routes = folder / "city", folder / "routes.toml"
        (self.city / "run/nginx").mkdir(parents=True)
        upstream = dict.fromkeys(("login", "marriage", "housing", "social"), "http://127.0.0.1:9")
        tables = "\n".join((ROOT / table).read_text() for table in TABLES)
        self.routes.write_text(Template(tables).substitute(upstream, domain=DOMAIN, forward_auth="true"))
        self.certificate, key = certificate(folder, *(f"{name}.{DOMAIN}" for name in ("console", "housing")))
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        for name in services()["configuration"]["secrets"]:
            (self.secrets / name).write_text(f"{name} of this test\n")
        shutil.copy(self.certificate, self.secrets / "tls-certificate")
        shutil.copy(key, self.secrets / "tls-key")

    def here(self, text: str) -> str:
        """A composed path or address as it is on this machine."""
        moved = {"/run/secrets": self.secrets, str(CITY): self.city, "/srv/citygate/routes.toml": self.routes}
        for composed, local in moved.items():
            text = text.replace(composed, str(local))
        return text

    def configure(self, without: str = "none", **changed: str) -> subprocess.CompletedProcess[str]:
        service = services()["configuration"]
        stated = {name: self.here(text) for name, text in service["environment"].items() if without not in name}
        ports = {"CITYGATE_PORT": str(self.port), "CITYGATE_REDIRECT_PORT": str(self.plain)}
        [program, *arguments] = service["command"]
        assert program == "python"
        return subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env={**BARE, **stated, **ports, **changed},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    @contextmanager
    def nginx(self, folder: Path) -> Iterator[None]:
        conf = self.city / "run/nginx/nginx.conf"
        own = re.sub(r"(pid|_temp_path) /tmp/(\w+);", rf"\1 {folder}/\2;", conf.read_text())  # a container's is its own
        conf.write_text(own)
        command = [self.here(part) for part in services()["nginx"]["entrypoint"]]
        ready = partial(answers, self.plain)
        supervisor = Supervisor(logs=folder)
        try:
            supervisor.start(
                [Process(name="nginx", command=command, environment=BARE, folder=folder, ready=ready)],
                within_seconds=15,
            )
            yield
        finally:
            supervisor.stop()

    def ask(self, name: str, *, named: str = "") -> tuple[int, str]:
        """Status of a page of the host `name`, over a connection that was made to `named`, and what is said of TLS."""
        context = ssl.create_default_context(cafile=self.certificate)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.sock = context.wrap_socket(plain, server_hostname=f"{named or name}.{DOMAIN}")
        connection.request("GET", "/", headers={"Host": f"{name}.{DOMAIN}:{self.port}"})
        answer = connection.getresponse()
        told = answer.status, answer.headers.get("Strict-Transport-Security", "")
        connection.close()
        return told


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    need("nginx", "curl")
    return Machine(tmp_path)


def test_the_written_configuration_serves_every_host_of_the_route_table(machine: Machine, tmp_path: Path) -> None:
    written = machine.configure()
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    folder = machine.city / "run/nginx"
    assert {oct(file.stat().st_mode)[-3:] for file in folder.iterdir()} == {"600"}
    text = (folder / "nginx.conf").read_text()
    assert "${" not in text
    assert "of this test" not in text  # the one secret nginx has is in the file beside it
    assert "data-plane-secret of this test" in (folder / "secret.conf").read_text()
    for name in ("gateway-1", "gateway-2", "gateway-3"):
        for kind in ("gate", "proxied"):
            assert f"server unix:{machine.city}/run/{name}/{kind}.sock" in text
    delivered = {line.split()[1] for line in text.splitlines() if line.startswith("upstream citygate_portal_")}
    assert delivered == {"citygate_portal_housing", "citygate_portal_social"}
    with machine.nginx(tmp_path):
        assert machine.ask("console") == (503, "max-age=31536000")  # nobody is behind it here
        assert machine.ask("housing") == (503, "max-age=31536000")
        assert machine.ask("elsewhere", named="console")[0] == 421
        check = [machine.here(part) for part in services()["nginx"]["healthcheck"]["test"][1:]]
        asked = [
            part.replace(":443", f":{machine.port}").replace(f"{DOMAIN}/", f"{DOMAIN}:{machine.port}/")
            for part in check
        ]
        assert subprocess.run(asked, env=BARE, check=False, timeout=120).returncode == 0
    assert subprocess.run(asked, env=BARE, check=False, capture_output=True, timeout=120).returncode != 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'upstream = "http://127.0.0.1:9"\nforward_auth',
            'upstream = "https://127.0.0.1:9"\nforward_auth',
            "over http",
        ),
        (
            'system = "housing"\ndepartment = "housing"\nlabel = 1\nactions = { GET = "read" }\nupstream = "http://127.0.0.1:9"\nforward_auth = true\ngrace',
            'system = "housing"\ndepartment = "housing"\nlabel = 1\nactions = { GET = "read" }\nupstream = "http://127.0.0.1:8"\nforward_auth = true\ngrace',
            "one upstream",
        ),
        (f'host = "social.{DOMAIN}"', 'host = "social.example"', "is not below"),
        ("[[routes]]", "[[routes", "routes.toml"),
    ],
)
def test_a_table_that_nginx_cannot_serve_is_refused_by_name(machine: Machine, old: str, new: str, said: str) -> None:
    text = machine.routes.read_text()
    assert old in text
    machine.routes.write_text(text.replace(old, new, 1))
    refused = machine.configure()
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (machine.city / "run/nginx/nginx.conf").exists()


def test_without_a_certificate_or_a_table_nothing_is_written(machine: Machine) -> None:
    for refused, said in (
        (machine.configure(without="TLS"), "CITYGATE_TLS_CERTIFICATE"),
        (machine.configure(without="ROUTES"), "CITYGATE_ROUTES"),
        (machine.configure(CITYGATE_ROUTES="/nowhere.toml"), "nowhere"),
    ):
        assert refused.returncode == 1
        assert said in refused.stderr
    assert not (machine.city / "run/nginx/nginx.conf").exists()
