"""An action is written once: everything else refers to the member, and every action says what it means."""

import ast

import pytest

from audit.event import EventKind
from storage.actions import ACTIONS, Action
from tests.architecture.source import files, inside, tree

_PLAIN = {"read", "found", "sign-in", "sign-out"}  # also words of other things: a mode, a variable, a button
_ELSEWHERE = (
    "storage/actions.py",
    "storage/migrations/",
    "deploy/demo/portal.py",  # a portal names its own
    "loadtests/",
    "commands/",
)


def _literals(file: str) -> list[str]:
    """Whole strings, and the fixed beginnings of formatted ones."""
    return [
        node.value for node in ast.walk(tree(file)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_no_action_is_spelled_out_a_second_time() -> None:
    spelled = ACTIONS.keys() - _PLAIN
    nouns = {f"{action.partition(':')[0]}:" for action in spelled if ":" in action}
    nouns -= {"app:", "resource:"}  # also the beginning of an app's id
    wrong = [
        f"{file}: {text}"
        for file in files()
        if not inside(file, *_ELSEWHERE)
        for text in _literals(file)
        if text in spelled or text in nouns
    ]
    assert wrong == []


def test_a_plain_word_is_compared_as_a_member_at_the_door_and_in_the_rules() -> None:
    wrong = [
        f"{file}: {text}"
        for file in files()
        if inside(file, "gateway/", "authz/", "grading/", "console/routes.py")
        for text in _literals(file)
        if text == Action.READ
    ]
    assert wrong == []


@pytest.mark.parametrize("action", Action)
def test_an_action_says_what_it_means_in_both_languages(action: Action) -> None:
    assert action.en.isascii()
    assert not action.zh.isascii()
    assert action not in {kind.value for kind in EventKind}, "a record's kind and its action are told by one filter"


@pytest.mark.parametrize("action", [action for action in Action if action.approval])
def test_what_a_second_person_approves_is_an_action_of_its_own(action: Action) -> None:
    approving = ACTIONS[action.approval]
    assert approving.value.endswith(":approve")
    assert not approving.approval
