"""The house: few rooms, few arrows between them, each table in one room, pages and API of a desk side by side."""

import ast
from collections.abc import Iterator

from tests.architecture.source import calls, files, inside, tree

ROOMS, ARROWS = 16, 80
_LOOSE = ("loadtests/",)  # fill tables by themselves, to be large


def imported(file: str) -> Iterator[str]:
    """Each module this file imports from, in full: `from a import b` may be the module `a.b`."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def rooms() -> set[str]:
    return {file.partition("/")[0] for file in files()}


def arrows() -> set[tuple[str, str]]:
    known = rooms()
    return {
        (here, there)
        for file in files()
        for here in (file.partition("/")[0],)
        for there in (module.partition(".")[0] for module in imported(file))
        if there in known - {here}
    }


def test_there_are_few_rooms_and_few_arrows_and_no_circle_of_two() -> None:
    assert len(rooms()) <= ROOMS, sorted(rooms())
    assert len(arrows()) <= ARROWS
    assert {(here, there) for here, there in arrows() if (there, here) in arrows()} == set()


def test_the_root_holds_no_module() -> None:
    assert [file for file in files() if "/" not in file] == []


def test_a_table_is_read_and_written_by_the_room_that_owns_it() -> None:
    """Whoever else needs what is in it asks that room by a function."""
    foreign = [
        f"{file}: {module}"
        for file in files()
        if not inside(file, *_LOOSE)
        for module in imported(file)
        if module.endswith(".store") and module.count(".") == 1 and module.partition(".")[0] != file.partition("/")[0]
    ]
    assert foreign == []


def test_a_view_knows_its_request_by_the_shell_alone() -> None:
    asking = {file for file in files() if file.startswith("console/") and "exchange" in set(calls(file))}
    assert asking == {"console/shell/act.py", "console/signin/pages.py"}, (
        "the second hands back a request to send again"
    )


def test_pages_and_api_of_a_desk_never_call_each_other() -> None:
    kinds = ("pages", "api")
    wrong = []
    for file in (file for file in files() if file.startswith("console/")):
        own = next((kind for kind in kinds if file.removesuffix(".py").endswith(kind)), "")
        for module in imported(file) if own else ():
            other = next((kind for kind in kinds if module.startswith("console.") and module.endswith(kind)), own)
            wrong += [f"{file}: {module}"] if other != own and not module.startswith("console.shell") else []
    assert wrong == []


def test_a_use_case_shows_nothing() -> None:
    """No HTML, no JSON, no Flask in what page and API share."""
    acting = [file for file in files() if file.startswith("console/") and file.removesuffix(".py").endswith("acts")]
    assert len(acting) > 8
    showing = ("flask", "flask_smorest", "marshmallow", "jinja2", "json", "werkzeug")
    shown = {
        f"{file}: {module}"
        for file in acting
        for module in imported(file)
        if module.partition(".")[0] in showing or module.startswith(("console.shell.frame", "gateway.local"))
    }
    assert shown == set()
