"""Keycloak as the city wants it, asked and mended through the door by who runs the platform."""

import json

from idp.keycloak.realm import REALM
from tests.faults.visitor import eventually
from tests.stack.breaking import Browser, administered


def _told(stack, verb: str) -> list[dict[str, str]]:
    told = stack.command("idp", verb, "--json")
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)["items"]


def _graded(stack) -> None:
    """Social security, by two people: S2A2, with the label it has anyway."""
    answers = [f"--{part}-{ask}={said}" for part in "sa" for ask, said in (("harmed", "society"), ("harm", "general"))]
    asked = stack.command("grade", "propose", "social", *answers, "--basis", "duty", "--as", "zheng", "--json")
    number = json.loads(asked.stdout)["request"]
    for arguments in (("approve", number, "--as", "feng"), ("resume", number, "--as", "zheng")):
        assert stack.command("request", *arguments).returncode == 0


def _assessed(stack) -> tuple[str, str]:
    """What the self-assessment says of the issuer's settings."""
    controls = json.loads(stack.command("assess", "run", "social", "--json").stdout)["controls"]
    (one,) = [control for control in controls if control["id"] == "issuer-as-wanted"]
    return one["status"], one["evidence"][0].get("what", "")


def test_what_was_changed_by_hand_is_named_and_mended_by_a_command_and_recorded(stack) -> None:
    _graded(stack)
    assert _told(stack, "diff") == []
    assert _assessed(stack) == ("met", "")
    with administered(stack) as admin:
        admin.put(REALM, admin.get(REALM) | {"bruteForceProtected": False})
        (named,) = _told(stack, "diff")
        assert (named["path"], named["found"], named["wanted"]) == ("bruteForceProtected", "False", "True")
        assert _assessed(stack) == ("unmet", f"{named['what']} {named['path']}".strip())
        assert _told(stack, "apply") == [named]
        assert admin.get(REALM)["bruteForceProtected"] is True
    assert _told(stack, "apply") == _told(stack, "diff") == []
    assert _assessed(stack) == ("met", "")


def test_signing_out_everywhere_ends_the_sign_on_at_keycloak_too(stack) -> None:
    Browser(stack).signed_in("wang")
    with administered(stack) as admin:
        (account,) = admin.get(f"{REALM}/users", username="wang", exact="true")
        assert admin.get(f"{REALM}/users/{account['id']}/sessions")
        assert stack.ask("wang", "DELETE", "/api/v1/sessions")[0] == 200
        eventually(lambda: admin.get(f"{REALM}/users/{account['id']}/sessions") == [], 20)


def test_nobody_else_asks_for_it(stack) -> None:
    for login in ("wang", "qian", "zheng", "chen"):
        for method, path in (("GET", "/api/v1/issuer/drift"), ("POST", "/api/v1/issuer/apply")):
            assert stack.ask(login, method, path)[0] == 403


def test_the_one_time_code_of_a_demo_person_is_told_for_the_stack_too(stack) -> None:
    told = stack.command("code", "wang")
    assert (told.returncode, len(told.stdout.strip())) == (0, 6), told.stderr
