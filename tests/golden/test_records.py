"""What the log says of each act: every one of the duties matrix, done once by page and once by API, as far as it has both."""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import pytest

from tests.catalogue.publishing_city import PublishingCity, until
from tests.founded_city import Answer, CityDoor, tomorrow
from tests.golden.text import compare
from tests.personas.test_duties import COLUMNS, ask, matrix

_EXPLANATION = """
A row is: what was asked (method, path), the number of its record and what that says: kind, action, result, reason, label,
status, object, and each field of its detail. `again`: what was parked, approved and sent again by its requester; there the
first two records are of the button, the others of the act itself. `work`: what a backup or a drill tells of itself.
`meanwhile`: what nobody asked for at that moment.
Who acts is whoever may first, in the order of the columns of docs/duties.md; a use of a key is a key-user's.
Ids, digests, times and counts are in angle brackets; `row` is what a record says that a row of a table became.
"""
_SECOND = {
    "app": "feng",
    "machine": "zhou",
    "flow": "feng",
    "key": "feng",
    "grade": "feng",
    "share": "sun",
}  # who approves
_USES = {
    "encrypt": {"plaintext": "5rCR"}, "decrypt": {"ciphertext": "{ciphertext}"}, "rewrap": {"ciphertext": "{ciphertext}"},
    "sign": {"message": "5rCR"}, "verify": {"message": "5rCR", "signature": "{signature}"},
}  # fmt: skip
_PLACEHOLDERS = (
    (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "<id>"),
    (r"\b[0-9a-f]{32,64}\b", "<digest>"),
    (r"\d{4}-\d\d-\d\d(T[\d:.]+(Z|\+00:00))?", "<time>"),
    (r"\b(vm|key)-\d+", r"\1-<n>"),
    (r"(?<=/(?:tcp|udp)/)\d+", "<port>"),
    (r"\b01J\b", "<id>"),
)
_KEPT = frozenset({"assurance", "clearance", "label", "ceiling"})  # numbers that are the same in every run
_JOBS = ("issuer-changes", "infra", "keys")  # beside the one that is in the matrix

_FAILURES = """
As in records.txt, of a write that was asked for once more: `twice`, the very same request; `empty`, without a body. What was
answered stands first. `in vain`: approved by a second person and sent again, and then it could not be done.
"""
_NOT_DONE = (" twice", " empty", " in vain")
_ONCE = ("/backups", "/drills", "/jobs/")  # a second one is refused only as long as the first one runs

Steps = dict[str, list[str]]  # what was asked → the ids of its records


def test_the_log_says_of_every_act_what_it_says_today(done: tuple[CityDoor, Steps]) -> None:
    door, steps = done
    told = defaultdict(list)
    for event in door.records():
        told[event.id].append(event)
    rows = []
    for step, ids in steps.items():
        if step.endswith(_NOT_DONE):
            continue
        events = [event for one in ids for event in told.pop(one)]
        rows += [f"{step} {number}: {_told(event)}" for number, event in _numbered(events)]
    own = [event for events in told.values() for event in events if not event.detail.get("method")]
    asked = {event.id for events in told.values() for event in events if event.detail.get("method")}
    rows += [f"meanwhile: {_told(event)}" for event in own if event.id not in asked]
    compare("records.txt", _EXPLANATION, rows)


def test_the_log_says_of_what_fails_what_it_says_today(done: tuple[CityDoor, Steps]) -> None:
    door, steps = done
    told = defaultdict(list)
    for event in door.records():
        told[event.id].append(event)
    rows = []
    for step, ids in steps.items():
        if step.endswith(_NOT_DONE):
            events = [event for one in ids[1:] for event in told[one]]
            rows += [
                f"{step} 0: {ids[0]}",
                *(f"{step} {number}: {_told(event)}" for number, event in _numbered(events)),
            ]
    compare("failures.txt", _FAILURES, rows)


def _numbered(events):  # type: ignore[no-untyped-def]
    """Each with its number; a backup and a drill tell of themselves beside the answer, now before it and now after."""
    numbers = itertools.count(1)
    return [("work", one) if one.kind == "outcome" and not one.status else (next(numbers), one) for one in events]


def _told(event) -> str:  # type: ignore[no-untyped-def]
    words = [
        event.kind,
        event.action,
        event.result,
        event.reason or "-",
        f"label={event.label}",
        f"status={event.status}",
    ]
    return " ".join([*words, f"object={_plain(event.object)}", f"({', '.join(sorted(_details(event.detail)))})"])


def _details(detail: Mapping[str, str | int]) -> Iterator[str]:
    rows = Counter(f"row {name.partition(' ')[0]}{_became(value)}" for name, value in detail.items() if " " in name)
    yield from (f"{row} ×{times}" if times > 1 else row for row, times in rows.items())
    for name, value in detail.items():
        if isinstance(value, int):
            yield f"{name}={value if name in _KEPT else '<number>'}"
        elif " " not in name:
            yield f"{name}={_plain(value)}"


def _became(value: str | int) -> str:
    return " deleted" if value == "deleted" else ""


def _plain(text: str) -> str:
    for pattern, instead in _PLACEHOLDERS:
        text = re.sub(pattern, instead, text)
    return text


@pytest.fixture(scope="module")
def done(door: CityDoor) -> tuple[CityDoor, Steps]:
    """Everything is done once; what waits for a second person is approved and sent again."""
    steps: Steps = {}
    for (method, path), cells in matrix().items():
        column = next((one for word in ("yes", "second person") for one, said in cells.items() if said == word), "")
        if not column:
            assert "/keys/" in path, "whoever may do this is in no column: say below how it is done"
            continue
        answer = ask(door, method, path, column)
        steps[f"{method} {path}"] = door.under
        assert answer.status < 400 or answer.json["missing"] == "approver", (method, path, answer)
        if answer.status < 400:
            _fail(door, method, path, steps)
        elif "/shares" not in path:
            _again(door, path, answer, COLUMNS[column][0], steps)
    for prefix in ("", "/api/v1"):
        _share(door, prefix, steps)
    _use_a_key(door, steps)
    _all_in_vain(door, steps)
    door.idle()
    for job in _JOBS:
        assert door.ask("POST", f"/api/v1/jobs/{job}", "clock-job").status == 200
        steps[f"POST /api/v1/jobs/{job}"] = door.under
    return door, steps


def _fail(door: CityDoor, method: str, path: str, steps: Steps) -> None:
    """The same write twice, and without its body."""
    if method == "GET" or any(noun in path for noun in _ONCE):
        return
    (asked, body), name = (door.sent, door.body), f"{method} {path}"
    empty = {key: {} for key, value in body.items() if value}
    for how, brings in (("twice", body), ("empty", empty)):
        if not brings:
            continue
        answer = door.ask(*asked, **brings)
        steps[f"{name} {how}"] = [_answered(answer), *door.under]


def _answered(answer: Answer) -> str:
    """Before the ids of its records: what was answered."""
    if "problem+json" not in answer.headers.get("content-type", ""):
        return f"answer {answer.status}"
    errors = sorted(f"{one.get('field', '')}={one.get('code', '')}" for one in answer.json.get("errors", ()))
    return " ".join([f"answer {answer.status}", answer.json["code"], *errors])


def _in_vain(door: CityDoor, name: str, target: str, who: str, steps: Steps, **body: object) -> None:
    """Two agree, and it cannot be done."""
    number, approver = door.ask("POST", target, who, **body).json["request"], _SECOND[_noun(target)]
    assert door.ask("POST", f"{target}/approve/{number}", approver, json={"verdict": "approve"}).status == 200
    answer = door.ask("POST", f"/.citygate/resume/{number}", who)
    assert answer.status >= 400, answer
    steps[f"{name} in vain"] = [_answered(answer), *door.under]


def _all_in_vain(door: CityDoor, steps: Steps) -> None:
    for prefix, key, kind in (("", "form", "page"), ("/api/v1", "json", "API")):
        machine = {"name": "too-large", "purpose": "duty", "cpu": 256, "memory_gib": 1, "disk_gib": 1}
        if not prefix:
            machine = {name: str(value) for name, value in machine.items()}
        placed = "/departments/civil/zones/core/systems/marriage/machines"
        _in_vain(door, f"{kind}: machine above the quota", prefix + placed, "qian", steps, **{key: machine})
        _in_vain(
            door, f"{kind}: machine without a name", prefix + placed, "qian", steps, **{key: machine | {"name": ""}}
        )
        flow = {"owner": "civil", "reason": "duty", "until" if not prefix else "expires_at": "2020-01-01"}
        way = f"{prefix}/zones/core/flows/extranet/tcp/6990"
        _in_vain(door, f"{kind}: flow that is over", way, "zheng", steps, **{key: flow})
        lost = f"{prefix}/departments/civil/keys/nowhere/rotate"
        _in_vain(door, f"{kind}: key that is nowhere", lost, "zheng", steps, **{key: {}})
        _in_vain(door, f"{kind}: grade without answers", f"{prefix}/systems/social/grade", "zheng", steps, **{key: {}})
        publisher = PublishingCity(door)
        share = f"{prefix}/departments/housing/resources/{publisher.resource('housing').resource}/shares"
        body = {"app": "app:01J", "purpose": "x", "until": tomorrow() if prefix else until()}
        _in_vain(door, f"{kind}: share with an unknown app", share, "qian", steps, **{key: body})


def _again(door: CityDoor, path: str, waits: Answer, who: str, steps: Steps) -> None:
    number, noun = waits.json["request"], _noun(path)
    shown = door.ask("GET", f"/api/v1/requests/{number}", _SECOND[noun]).json
    approved = door.ask("POST", shown["approve"], _SECOND[noun], json={"verdict": "approve"})
    assert approved.status == 200, approved
    sent = door.ask("POST", f"/.citygate/resume/{number}", who)
    steps[f"POST {path} again"] = door.under
    assert sent.status < 400, (path, sent)


def _noun(path: str) -> str:
    words = {
        "machines": "machine",
        "flows": "flow",
        "rotate": "key",
        "grade": "grade",
        "shares": "share",
        "resume": "app",
    }
    return next(noun for word, noun in words.items() if word in path.split("/"))


def _share(door: CityDoor, prefix: str, steps: Steps) -> None:
    """An app that there is asks for a resource that there is; the personas name one that there is not."""
    publisher = PublishingCity(door)
    resource, path = publisher.resource("housing"), f"{prefix}/departments/{{department}}/resources/{{resource}}/shares"
    target = path.format(department="housing", resource=resource.resource)
    body = {"app": publisher.app("civil")[0], "purpose": "核验", "until": tomorrow() if prefix else until()}
    waits = door.ask("POST", target, "qian", **{"json" if prefix else "form": body})  # type: ignore[arg-type]
    _again(door, path, waits, "qian", steps)


def _use_a_key(door: CityDoor, steps: Steps) -> None:
    role = {"role": "key-user", "clearance": 3, "expires_at": tomorrow(), "reason": "duty"}
    door.ask("POST", f"/api/v1/departments/civil/people/{door.ids['zhao']}/assignments", "qian", json=role)
    made: dict[str, str] = {}
    for name, usage in (("sealing", "encrypt"), ("signing", "sign")):
        key = {"name": name, "usage": usage}
        assert door.ask("POST", "/api/v1/departments/civil/keys", "feng", json=key).status == 201
    for use, body in _USES.items():
        key = "signing" if use in ("sign", "verify") else "sealing"
        sent = {name: made.get(value.strip("{}"), value) for name, value in body.items()}
        sent |= {"version": 1} if use == "verify" else {}  # type: ignore[dict-item]
        answer = door.ask("POST", f"/api/v1/departments/civil/keys/{key}/{use}", "zhao", json=sent)
        assert answer.status == 200, (use, answer)
        made |= {name: value for name, value in answer.json.items() if isinstance(value, str)}
        steps[f"POST /api/v1/departments/{{department}}/keys/{{key}}/{use}"] = door.under
