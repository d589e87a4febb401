"""Parked requests as their readers may see them: what waits for me, what I asked for, what I decided."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from authz.decide import decide
from authz.errors import ParkedUnknown
from authz.label import ceiling_of
from authz.park import APPROVED, Parked
from authz.policy import PolicySet
from authz.request import AccessRequest, Decision, Effect, Missing
from authz.second_person import PAGE_REQUESTS, SecondPerson
from console.requests.fields import fields_of, plain
from gateway.approval import approve_path
from gateway.refuse import RESUME_PATH
from idp.identity import Identity

_PAGES = 20  # of what waits, looked through for one page of what waits for me
_TARGET_CHARS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One page, and the cursor of the next or ""; `stronger`: how many more a stronger sign-in would show."""

    found: Sequence[Parked]
    cursor: str = ""
    stronger: int = 0


class RequestList:
    """Reads; who may approve is asked of the policy the door decides by now, and asked again when it is done."""

    def __init__(
        self, second_person: SecondPerson, *, policies: Callable[[], PolicySet], clock: Callable[[], datetime]
    ) -> None:
        self._second_person, self._policies, self._clock = second_person, policies, clock

    def waiting(self, reader: Identity, *, after: str = "") -> Listed:
        """What `reader` may approve or reject now, oldest first."""
        mine, stronger = list[Parked](), 0
        for _ in range(_PAGES):
            page = self._second_person.waiting(besides=reader.subject, after=after)
            for one in page:
                after, said = one.id, self._may_approve(reader, one)
                stronger += said.missing is Missing.ASSURANCE
                if said.effect is Effect.PERMIT:
                    mine.append(one)
                if len(mine) == PAGE_REQUESTS:
                    return Listed(found=mine, cursor=after, stronger=stronger)
            if len(page) < PAGE_REQUESTS:
                return Listed(found=mine, stronger=stronger)
        return Listed(found=mine, cursor=after, stronger=stronger)

    def asked(self, reader: Identity, *, before: str = "") -> Listed:
        """What `reader` asked for, newest first."""
        return _page(self._second_person.asked_by(reader.subject, before=before))

    def decided(self, reader: Identity, *, before: str = "") -> Listed:
        """What `reader` approved or rejected, newest first."""
        return _page(self._second_person.decided_by(reader.subject, before=before))

    def one(self, identifier: str, reader: Identity) -> Parked:
        """One that `reader` asked for, decided, or may approve. Raises ParkedUnknown for any other."""
        found = self._second_person.find(identifier)
        if reader.subject in (found.subject, found.decided_by):
            return found
        if found.verdict or self._may_approve(reader, found).effect is not Effect.PERMIT:
            raise ParkedUnknown
        return found

    def _may_approve(self, reader: Identity, found: Parked) -> Decision:
        asked = found.asked
        if asked is None:
            raise ParkedUnknown
        question = AccessRequest(
            id=found.id, at=self._clock(), subject=reader.subject, department=asked.department, object=asked.object,
            action=asked.approve_action, label=asked.label, ceiling=ceiling_of(reader.assurance),
        )  # fmt: skip
        return decide(self._policies(), question)


def told(found: Parked, reader: Identity, names: Mapping[str, str]) -> dict[str, Any]:
    """One request in words and data. What was typed is shown to whoever's sign-in reaches the object's label."""
    asked = found.asked
    if asked is None:
        raise ParkedUnknown
    path = found.target.partition("?")[0]
    waits = not found.verdict
    return {
        "id": found.id,
        "who": {"id": found.subject, "name": names.get(found.subject, "")},
        "action": asked.action,
        "department": asked.department,
        "object": plain(unquote(asked.object), _TARGET_CHARS),
        "label": int(asked.label),
        "asked": f"{found.method} {plain(found.target, _TARGET_CHARS)}".strip(),
        "fields": fields_of(found) if ceiling_of(reader.assurance) >= asked.label else [],
        "at": found.parked_at,
        "until": found.expires_at,
        "verdict": found.verdict,
        "decided_by": {"id": found.decided_by, "name": names.get(found.decided_by, "")},
        "decided_at": found.decided_at,
        "reason": found.reason,
        "sent_at": found.taken_at,
        "approve": approve_path(path, found.id) if waits and path and reader.subject != found.subject else "",
        "resume": RESUME_PATH + found.id
        if found.verdict == APPROVED and not found.taken_at and reader.subject == found.subject
        else "",
    }


def people_in(found: Iterable[Parked]) -> set[str]:
    """Everybody whose name a list of them shows."""
    return {who for one in found for who in (one.subject, one.decided_by) if who}


def _page(found: Sequence[Parked]) -> Listed:
    return Listed(found=found, cursor=found[-1].id if len(found) == PAGE_REQUESTS else "")
