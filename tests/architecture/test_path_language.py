"""Routes and views spell a path alike, `{name}` for one segment; werkzeug's own spelling stands in one function."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import files, imports, tree

TRANSLATOR = ("console/shell/views.py", "translate_path")
_WERKZEUG = re.compile(r"<(?:[a-z]+(?:\([^)]*\))?:)?[a-z_]+>", re.ASCII)  # `<name>`, `<int:name>`, `<int(min=1):name>`


def _strings(node: ast.AST, file: str) -> Iterator[tuple[int, str]]:
    """Every string below this node with its line; what an f-string is filled with is a word."""
    if isinstance(node, ast.FunctionDef) and (file, node.name) == TRANSLATOR:
        return
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "word" for part in node.values]
        yield node.lineno, "".join(map(str, parts))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    for below in ast.iter_child_nodes(node):
        yield from _strings(below, file)


def foreign(source: ast.Module, file: str) -> list[str]:
    return [f"{file}:{line}: {text}" for line, text in _strings(source, file) if _WERKZEUG.search(text)]


def test_no_path_of_the_console_is_in_werkzeugs_language() -> None:
    assert [one for file in files() if file.startswith("console/") for one in foreign(tree(file), file)] == []


@pytest.mark.parametrize(
    "written", ['"/a/<name>"', '"/<int:leaf>"', 'f"{base}/<name>"', 'f"/<{name}>"', 'f"/<int:{name}>"']
)
def test_that_language_is_seen_in_every_kind_of_string(written: str) -> None:
    assert foreign(ast.parse(f"add({written})"), "a.py")


def test_one_function_translates() -> None:
    file, name = TRANSLATOR
    assert len(foreign(tree(file), "another.py")) == 2, "a number, and any other segment"
    assert [one.name for one in tree(file).body if isinstance(one, ast.FunctionDef)] == [name]


def test_only_the_shell_makes_blueprints_of_the_libraries() -> None:
    """Whoever took Flask's own would have to speak werkzeug's language."""
    taking = {
        file
        for file in files()
        if file.startswith("console/") and "flask" in {name.partition("_")[0] for name in imports(file)}
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ImportFrom) and "Blueprint" in {alias.name for alias in node.names}
    }
    assert taking == {TRANSLATOR[0]}
