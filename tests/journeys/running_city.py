"""A real city, started as a person starts it."""

import contextlib
import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from city.supervisor import free_pair
from crypto.kept_key import kept_key
from tests.bounds import line_in_time, run_beside

ROOT = Path(__file__).parents[2]
_UP_SECONDS = 600.0  # more than `stack up` allows itself
PORTALS = ("marriage", "housing", "social")


@dataclass
class City:
    """What `up --json` said, and the process that said it."""

    facts: dict[str, Any]
    process: subprocess.Popen[str]

    @property
    def console(self) -> str:
        return str(self.facts["console"])

    @property
    def deciding(self) -> int:
        """How many processes decide, and confirm each change."""
        return sum(name == "city" or name.startswith(("gateway", "control")) for name in self.facts["pids"])

    @property
    def has_keycloak(self) -> bool:
        return "keycloak" in self.facts

    @property
    def database_url(self) -> str:
        """Where the city keeps its state."""
        if not self.has_keycloak:
            return f"sqlite:///{self.data / 'city.db'}"
        told = Path(f"/proc/{self.facts['pids']['control']}/environ").read_text().split("\0")
        given = dict(line.split("=", 1) for line in told if "=" in line)
        return given["CITYGATE_DATABASE"].replace("citygate@", f"citygate:{given['CITYGATE_DATABASE_PASSWORD']}@")

    @property
    def data(self) -> Path:
        return Path(self.facts["data"])

    def portal(self, name: str) -> str:
        return next(str(portal["url"]) for portal in self.facts["portals"] if portal["name"] == name)

    def person(self, login: str) -> dict[str, Any]:
        return next(person for person in self.facts["people"] if person["login"] == login)

    def subject(self, login: str, department: str = "civil") -> str:
        """The subject id of somebody who works there, as the department's administrator reads it."""
        administrator = {"civil": "qian", "housing": "sun", "city": "zheng"}[department]
        _, people = self.ask(administrator, "GET", f"/api/v1/departments/{department}/people")
        return next(str(one["id"]) for one in people["items"] if one["login"] == login)

    def assign(self, giver: str, to: str, department: str = "civil", **changed: object) -> tuple[int, Any]:
        """Ask the API for a role assignment: the marriage clerk's for a month, unless changed."""
        asked = {"role": "marriage-clerk", "clearance": 2, "reason": "窗口轮岗"} | changed
        asked["expires_at"] = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        path = f"/api/v1/departments/{department}/people/{self.subject(to, department)}/assignments"
        return self.ask(giver, "POST", path, asked)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this city's data."""
        return command(*arguments, data=self.data)

    def ask(self, login: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One request to the console's API with this person's access key: status, and what the answer says."""
        host = self.console.removeprefix("http://")
        connection = http.client.HTTPConnection("127.0.0.1", int(host.rpartition(":")[2]), timeout=10)
        headers = {"Host": host, "Authorization": f"Bearer {kept_key(self.data / 'keys', login)}"}
        content = None if body is None else json.dumps(body)
        with contextlib.closing(connection):
            connection.request(method, path, content, headers | {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.load(answer)

    def stop(self) -> None:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)


def command(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a person does, on a data folder."""
    line = [sys.executable, "-m", "commands", *arguments, "--data", str(data)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@contextlib.contextmanager
def running(
    data: Path, *options: str, command: tuple[str, ...] = ("up",), program: tuple[str, ...] = ("-m", "commands")
) -> Iterator[City]:
    """`up --json` until the end of the block, or until somebody stops it."""
    asked = ["--json", "--data", str(data), "--port", str(free_pair())]
    line = [sys.executable, *program, *command, *asked, *options]
    with run_beside(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = line_in_time(process, seconds=_UP_SECONDS)
        assert told, "the city did not come up"
        city = City(json.loads(told), process)
        try:
            yield city
        finally:
            city.stop()
