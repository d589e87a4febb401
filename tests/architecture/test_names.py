"""Names say what a thing is or does to somebody who has not read the project: no riddles, no class name twice."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import Function, files, tree

_PRONOUNS = """
all any at both by each for from he her him his in it its none nobody of on one ones others over she some that their
them these they this those to what which who whom whose with
"""
_IRREGULAR = """
begun bound broken built chosen done drawn driven fed felt found given gone grown heard held hidden kept known laid
learnt led left lent lost made meant met paid proven said seen sent shown sold sought spent spoken stolen struck sworn
taken taught thrown told torn twin understood woken written
"""
_BASE_FORMS = "bleed breed embed exceed feed need proceed seed shed speed succeed"
PRONOUNS = frozenset(_PRONOUNS.split())
# Verbs like put, read, set, shut, split are not here: their participle is spelled as the order is.
IRREGULAR = frozenset(_IRREGULAR.split())
BASE_FORMS = frozenset(_BASE_FORMS.split())  # they end in "ed" too
FILE_NAMES = frozenset({"places", "cycle", "gathering", "misc", "stuff"})


def _is_riddle(name: str) -> bool:
    is_participle = name in IRREGULAR or ("_" not in name and name.endswith("ed") and name not in BASE_FORMS)
    return is_participle or name in PRONOUNS


def _is_named_after_its_type(function: Function) -> bool:
    """`matched` is a `Matched`: a property may have the name of the value it returns."""
    return function.returns is not None and ast.unparse(function.returns).lower() == function.name


def _public_functions(body: list[ast.stmt]) -> Iterator[Function]:
    """Functions of a module and methods of its classes; what stands inside a function is nobody else's."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _public_functions(node.body)
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield node


def test_no_public_function_is_only_a_participle_or_a_pronoun() -> None:
    riddles = [
        f"{file}:{one.lineno} {one.name}"
        for file in files()
        for one in _public_functions(tree(file).body)
        if _is_riddle(one.name) and not _is_named_after_its_type(one)
    ]
    assert riddles == []


def test_no_class_name_stands_twice() -> None:
    names = Counter(
        node.name for file in files() for node in ast.walk(tree(file)) if isinstance(node, ast.ClassDef)
    )  # fmt: skip
    assert [name for name, count in names.items() if count > 1] == []


def test_no_file_name_is_a_riddle() -> None:
    stems = {file: Path(file).stem for file in files()}
    riddles = [
        file for file, stem in stems.items() if _is_riddle(stem) or stem in FILE_NAMES or stem.startswith("asked_")
    ]
    assert riddles == []
