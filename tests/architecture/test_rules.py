"""The house rules that a reader would otherwise have to check by eye."""

import ast
import re

import pytest

from tests.architecture.source import Function, calls, dotted, files, functions, inside, text, tree

FILE_LINES, FUNCTION_LINES, HANDLE_LINES = 300, 40, 25


def _found(names: set[str]) -> list[tuple[str, str]]:
    """Calls and attribute reads of these names, by file."""
    return [
        (file, dotted(node))
        for file in files()
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Attribute | ast.Name) and dotted(node) in names
    ]


def test_files_and_functions_stay_small() -> None:
    assert [file for file in files() if text(file).count("\n") > FILE_LINES] == []
    long = [
        f"{file}:{one.lineno} {one.name}"
        for file in files()
        for one in functions(file)
        if not inside(file, "storage/migrations/") and (one.end_lineno or 0) - one.lineno + 1 > FUNCTION_LINES
    ]
    assert long == []  # a migration is a list of tables, written once


def _handle() -> Function:
    return next(one for one in functions("gateway/pipeline.py") if one.name == "handle")


def test_handle_is_short_and_each_of_its_verbs_is_a_file() -> None:
    handle = _handle()
    assert (handle.end_lineno or 0) - handle.lineno + 1 <= HANDLE_LINES
    verbs = [
        node.func.id for node in ast.walk(handle) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    assert [verb for verb in verbs if f"gateway/{verb}.py" not in files()] == []
    order = [
        "canonical",
        "match",
        "authenticate",
        "limit",
        "authorize",
        "record",
        "transform",
        "deliver",
        "outcome",
        "refuse",
    ]
    assert sorted(verbs, key=order.index) == order


def test_every_file_begins_with_what_it_is_for_in_one_line() -> None:
    def first(file: str) -> str:
        return (ast.get_docstring(tree(file)) or "").partition("\n")[0]

    wrong = [
        file for file in files() if not re.search(r"[.:;)?]$", first(file)) or not text(file).startswith(('"""', "#!"))
    ]
    assert wrong == []


def test_no_file_is_a_place_for_everything() -> None:
    assert [file for file in files() if re.search(r"(utils?|common|helpers?|manager|misc)s?(\.py|/)", file)] == []


def test_public_functions_and_classes_say_what_they_do() -> None:
    silent = []
    for file in files():
        if inside(file, "storage/migrations/"):
            continue
        body = tree(file).body
        classes = [node for node in body if isinstance(node, ast.ClassDef)]
        named = [*classes, *(node for node in body if isinstance(node, Function))]
        silent += [f"{file} {one.name}" for one in named if one.name[0] != "_" and not ast.get_docstring(one)]
    assert silent == []


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (
            {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"},
            ("city/", "deploy/", "loadtests/", "commands/client.py"),
        ),
        ({"os.environ", "os.getenv", "os.putenv"}, ("city/", "deploy/", "loadtests/", "commands/local_city.py")),
        ({"random.random", "random.choice", "random.randint", "random.Random"}, ("loadtests/",)),
        ({"eval", "exec", "pickle.loads", "yaml.load", "os.system"}, ()),
    ],
)
def test_only_wiring_reads_the_clock_or_the_environment(names: set[str], places: tuple[str, ...]) -> None:
    assert [(file, name) for file, name in _found(names) if not inside(file, *places)] == []


def test_a_proof_of_a_stage_is_made_in_one_place() -> None:
    made = {"Admitted": "gateway/authorize.py", "Recorded": "gateway/record.py", "Inbound": "gateway/canonical.py",
            "Matched": "gateway/match.py"}  # fmt: skip
    for name, place in made.items():
        assert {file for file in files() if name in set(calls(file))} == {place}


def test_a_stage_is_copied_only_where_its_proof_stays() -> None:
    """`dataclasses.replace` could rewrite a decided request; these files copy headers, an ended identity, a body or a route."""
    copying = {
        file
        for file in files()
        for node in ast.walk(tree(file))
        if file.startswith("gateway/") and isinstance(node, ast.Call) and dotted(node.func) == "replace"
        if isinstance(node.func, ast.Name)
    }
    assert copying == {
        f"gateway/{name}.py" for name in ("allow", "approval", "authorize", "deliver", "outcome", "refuse", "transform")
    }


def test_nothing_is_asserted_outside_tests_and_everything_is_caught_by_name() -> None:
    asserting = [file for file in files() for node in ast.walk(tree(file)) if isinstance(node, ast.Assert)]
    assert asserting == []
    broad = [
        file
        for file in files()
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or dotted(node.type) == "Exception")
    ]
    assert broad == ["gateway/pipeline.py"]


def test_whoever_catches_everything_raises_it_again() -> None:
    handlers = [
        (file, node)
        for file in files()
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ExceptHandler) and node.type is not None and dotted(node.type) == "BaseException"
    ]
    assert [file for file, node in handlers if not isinstance(node.body[-1], ast.Raise)] == []


# what talks to the database; the event loop reaches it through a thread only
_DATABASE_ROOMS = ("sessions", "directory", "parking", "database", "keys", "administration", "register", "accounts")


def test_async_functions_never_call_what_talks_to_the_database() -> None:
    wrong = []
    for file in files():
        for one in functions(file):
            if not isinstance(one, ast.AsyncFunctionDef) or not file.startswith("gateway/"):
                continue
            for node in ast.walk(one):
                called = dotted(node.func) if isinstance(node, ast.Call) else ""
                room = called.split(".")[-2].lstrip("_") if "." in called else ""
                if room in _DATABASE_ROOMS and called.rsplit(".", 1)[-1] not in ("is_alive", "is_due"):
                    wrong.append(f"{file}:{node.lineno} {called}")  # type: ignore[attr-defined]
    assert wrong == []
