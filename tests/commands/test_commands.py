"""Whatever a person types, a command ends with one line that says what is wrong, and the code that is documented."""

import inspect
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from commands.main import cli
from tests.journeys.running_city import ROOT, City, running

HOSTILE = ("房产 登记", "a b", "a/b", "..", "%2F", "a\nb", "", "\udcff", "a@b;c", "--x", "字" * 3000)
SOON = (datetime.now(UTC) + timedelta(days=2)).isoformat()
MEANT = {
    "department": "civil", "system": "housing", "zone": "extranet", "to": "core:443", "login": "zhao", "role": "staff",
    "until": SOON, "url": "http://housing.localhost/", "owner": "city",
}  # fmt: skip
TAKES_WHAT_PYTEST_TAKES = ("test",)
ANSWERED = {0, 2, 3, 4, 5}  # of a city that is up: never "unavailable", nor a fault inside it


def _leaves(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(click.Context(group)):
        one = _inside(group, name)
        yield from _leaves(one, *before, name) if isinstance(one, click.Group) else [(*before, name)]


def _inside(group: click.Group, name: str) -> click.Command:
    found = group.get_command(click.Context(group), name)
    assert found
    return found


def _command(words: tuple[str, ...]) -> click.Command:
    found: click.Command = cli
    for word in words:
        assert isinstance(found, click.Group)
        found = _inside(found, word)
    return found


def _texts(words: tuple[str, ...]) -> list[click.Parameter]:
    """What a person writes freely: every argument, and the options that are text."""
    texts = (click.Argument, click.types.StringParamType)
    return [one for one in _command(words).params if isinstance(one, texts) or isinstance(one.type, texts)]


COMMANDS = [words for words in _leaves(cli) if words != TAKES_WHAT_PYTEST_TAKES and _texts(words)]


def _line(words: tuple[str, ...], hostile: click.Parameter, value: str, place: Path) -> list[str]:
    """A whole command line that means something but for one value."""
    options, arguments = [], []
    for one in _command(words).params:
        meant = MEANT.get(one.name or "", "x")
        if isinstance(one.type, click.Choice):
            meant = str(one.type.choices[0])
        elif isinstance(one.type, click.Path):
            meant = str(place / ("key" if one.name == "key_file" and isinstance(one, click.Argument) else "new"))
        elif not isinstance(one.type, click.types.StringParamType):
            meant = "1"
        said = value if one is hostile else meant
        if isinstance(one, click.Argument):
            arguments.append(said)
        elif one is hostile or one.required:
            options += [one.opts[-1], said]
    return [*words, *options, "--", *arguments]


@pytest.fixture(scope="module")
def city(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    place = tmp_path_factory.mktemp("hostile") / "city"
    subprocess.run(["cp", "-a", str(founded), str(place)], check=True, timeout=120)
    with running(place) as started:
        assert run(started, ["backup", "run"]).exit_code == 0, "so that a drill has something to restore"
        yield started


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "key").touch(mode=0o600)
    (tmp_path / "key").write_text(json.dumps({"id": "app:01M81QNQCEA92J2MD2D6P088W3", "secret": "s"}))
    return tmp_path


def run(city: City, line: list[str]) -> Result:
    return CliRunner(env={"CITYGATE_DATA": str(city.data)}).invoke(cli, line, input=b"\xff")


def told(result: Result) -> list[str]:
    """The lines on stderr, without those in which click says before its own how the command is used."""
    usage, _, error = result.stderr.partition("\nError: ")
    return (error or usage).splitlines()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_text_ends_a_command_in_a_traceback(words: tuple[str, ...], city: City, place: Path) -> None:
    for parameter in _texts(words):
        for value in HOSTILE:
            line = _line(words, parameter, value, place)
            result = run(city, line)
            assert isinstance(result.exception, SystemExit | None), (line, result.exc_info)
            expected = ANSWERED | ({7} if "no answer: " in result.stderr and words == ("app", "call") else set())
            assert result.exit_code in expected or "park-full" in result.stderr, (line, result.exit_code, result.stderr)
            assert len(told(result)) == bool(result.exit_code), (line, result.stderr)
            if result.exit_code:
                assert not (place / "new").exists(), line
            (place / "new").unlink(missing_ok=True)


@pytest.mark.parametrize("data", ["x" * 300, "/proc/x", "/proc/x/y", "key"])
@pytest.mark.parametrize("words", [["code", "wang"], ["people", "list", "civil"], ["up", "--port", "1"]], ids=" ".join)
def test_a_folder_that_cannot_be_is_one_line(
    words: list[str], data: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    result = CliRunner().invoke(cli, [*words, "--data", data])
    assert (result.exit_code, len(told(result))) == (2, 1), (result.stderr, result.exc_info)


def test_a_name_reaches_the_door_in_its_one_spelling(city: City) -> None:
    """Chinese and blanks are encoded, what the door wants raw is not; what has no spelling is not asked for."""
    answers = {name: run(city, ["assess", "run", name]) for name in ("房产登记", "a b", "a@b:c", "a/b", "..", "")}
    assert {name: one.exit_code for name, one in answers.items()} == {
        "房产登记": 4, "a b": 4, "a@b:c": 4, "a/b": 2, "..": 2, "": 2,
    }  # fmt: skip
    assert "system-unknown" in answers["a@b:c"].stderr
    assert answers["a/b"].stderr.startswith("citygate: `a/b` is no name")


@pytest.mark.parametrize(
    ("url", "connect"),
    [
        ("http://housing.localhost/open/房", ""),
        ("http://房.localhost/", ""),
        ("http://housing.localhost/a b", ""),
        ("http://housing.localhost:x/", ""),
        ("http://a..b/", ""),
        ("ftp://housing.localhost/", ""),
        ("ftp://housing.localhost:80/", ""),
        ("http://somebody@housing.localhost/", ""),
        ("/open/properties", ""),
        ("http://housing.localhost/", "h:x"),
        ("http://housing.localhost/", "h:99999"),
        ("http://housing.localhost/", "http://h:80"),
    ],
)
def test_an_address_that_cannot_be_sent_as_it_stands_is_refused(
    url: str, connect: str, city: City, place: Path
) -> None:
    result = run(city, ["app", "call", str(place / "key"), url, "--connect", connect])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.exc_info
    assert result.stderr.startswith("citygate: give the URL as http://HOST")


def test_a_key_file_of_another_kind_is_named(city: City, place: Path) -> None:
    for content in (b"\xff\x00", b"[]", b'{"id": "app:\\n", "secret": "s"}', b'{"id": "x"}'):
        (place / "key").write_bytes(content)
        result = run(city, ["app", "call", str(place / "key"), "http://housing.localhost/"])
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.exc_info
        assert f"`{place / 'key'}` is no key file" in result.stderr


def test_an_app_that_was_not_made_leaves_no_key_file(city: City, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(city, ["app", "create", "房", "x", "--key-file", str(place / "new")]).exit_code == 3
    assert not (place / "new").exists()
    monkeypatch.setattr("commands.client.Door.ask", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    run(city, ["app", "create", "civil", "x", "--key-file", str(place / "new")])
    assert not (place / "new").exists()


def test_a_report_that_cannot_be_written_is_one_line(city: City, place: Path) -> None:
    harms = ["--s-harmed=society", "--s-harm=serious", "--a-harmed=society", "--a-harm=general", "--basis=x"]
    waits = run(city, ["grade", "propose", "housing", *harms, "--as=feng", "--json"])
    number = json.loads(waits.stdout)["request"]
    for line in (["approve", number, "--as=zheng"], ["resume", number, "--as=feng"]):
        assert run(city, ["request", *line]).exit_code == 0
    run(city, ["assess", "run", "housing"])
    (made,) = json.loads(run(city, ["assess", "list", "housing", "--json"]).stdout)["items"]
    result = run(city, ["assess", "report", "housing", made["id"], str(place / "nowhere/x.pdf")])
    assert (result.exit_code, result.stderr) == (
        2,
        f"citygate: cannot write `{place}/nowhere/x.pdf`: No such file or directory\n",
    )


EXITS = {
    400: 2, 401: 3, 403: 3, 404: 4, 409: 5, 412: 5, 413: 1, 422: 2, 429: 1, 500: 1, 502: 7, 503: 7, 504: 7,
}  # fmt: skip


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """Answers with the status that its path names."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path[1:]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("status", "code"), EXITS.items())
def test_an_answer_to_an_app_has_the_documented_exit_code(status: int, code: int, upstream: str, place: Path) -> None:
    result = CliRunner().invoke(cli, ["app", "call", str(place / "key"), f"{upstream}/{status}"])
    assert (result.exit_code, result.stderr) == (code, f"citygate: refused: {status}\n")


def test_the_exit_codes_of_answers_are_those_on_the_page() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    rows = re.findall(
        r"^\| ([1-7]) \| [a-z ]+ \| .*?\banswers? ([0-9]{3}(?:(?:, | and )[0-9]{3})*)", page, re.MULTILINE
    )
    told = {int(status): int(code) for code, listed in rows for status in re.findall("[0-9]{3}", listed)}
    assert told == {status: code for status, code in EXITS.items() if code != 1}
    assert "any other answer of 400 or more" in page


def _office(command: click.Command) -> str:
    """Whose key the command takes, "" for a command that asks nothing of the door."""
    return str(inspect.getclosurevars(command.callback).nonlocals.get("office", "")).replace("-", " ")


def test_the_page_has_each_command_under_its_noun_with_its_office_and_no_other() -> None:
    text = (ROOT / "docs/cli.md").read_text().partition("## Exit codes")[0]
    page: dict[tuple[str, ...], str] = {}
    for section in text.split("\n## ")[1:]:
        noun, has_office = section.partition("\n")[0], "| office |" in section
        for typed, cell in re.findall(r"^\| `([^`]+)` \|([^|]*)\|", section, re.MULTILINE):
            words = tuple(typed.split()[: 1 if noun == "The city as a whole" else 2])
            assert noun in ("The city as a whole", words[0])
            page[words if words[0] != "bench" else ("bench",)] = cell.strip() if has_office else ""
    assert page == {words: _office(_command(words)) for words in _leaves(cli)}
    nouns = re.findall(r"^## ([a-z]+)$", text, re.MULTILINE)
    assert nouns == sorted(nouns)


def test_a_checkpoint_that_is_none_is_one_line(city: City, place: Path) -> None:
    (place / "pinned").write_bytes(b"\xff\xfe\x00")
    result = run(city, ["audit", "verify", "--pinned", str(place / "pinned")])
    assert (result.exit_code, result.stderr.count("\n")) == (7, 1), result.exc_info


def test_a_file_is_no_city(place: Path) -> None:
    result = CliRunner().invoke(cli, ["people", "list", "civil", "--data", str(place / "key")])
    assert (result.exit_code, result.stderr) == (2, f"citygate: `{place / 'key'}` is no folder\n")


_FLOW = ("flow", "open", "extranet", "core:443", "--owner=city", f"--until={SOON}", "--reason=x")
_MACHINE = (
    "machine",
    "request",
    "civil",
    "marriage",
    "core",
    "web",
    "--cpu=1",
    "--memory=1",
    "--disk=1",
    "--purpose=x",
)
_SHARE = ("share", "ask", "R", "A", "--purpose=x", f"--until={SOON}")


@pytest.mark.parametrize(
    ("line", "at", "wrong", "told"),
    [
        (_FLOW, 3, "core:99999", "port port-invalid"),
        (_FLOW, 3, "core:0", "port port-invalid"),
        (_FLOW, 3, "core:443/icmp", "protocol protocol-invalid"),
        (_FLOW, 3, "extranet:443", "to zones-same"),
        (_FLOW, 5, "--until=2027-01-31", "until date-invalid"),
        (_FLOW, 5, "--until=2001-01-31T00:00:00Z", "until date-past"),
        (_FLOW, 6, "--reason=", "reason reason-missing"),
        (_MACHINE, 5, "<web>", "name machine-name-invalid"),
        (_MACHINE, 6, "--cpu=0", "cpu cpu-invalid"),
        (_SHARE, 4, "--purpose=a\nb", "purpose text-invalid"),
        (_SHARE, 5, "--until=tomorrow", "until date-invalid"),
    ],
)
def test_nobody_is_asked_to_approve_what_cannot_be_done(
    line: tuple[str, ...], at: int, wrong: str, told: str, city: City
) -> None:
    result = run(city, [*line[:at], wrong, *line[at + 1 :]])
    assert (result.exit_code, result.stderr) == (2, f"citygate: not asked: {told}\n")
