"""Parked requests as their readers may see them: what waits for me, what I asked for, what I decided."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from authz.decide import decide
from authz.errors import ParkedUnknown
from authz.label import ceiling_of
from authz.park import ParkedRequest
from authz.policy import PolicySet
from authz.request import AccessRequest, Decision, Effect, Missing
from authz.second_person import PAGE_REQUESTS, SecondPerson
from console.shell.objects import ObjectNames
from idp.identity import Identity

_PAGES = 20  # of what waits, looked through for one page of what waits for me


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPage:
    """One page, and the cursor of the next or ""; `stronger`: how many more a stronger sign-in would show."""

    requests: Sequence[ParkedRequest]
    cursor: str = ""
    stronger: int = 0


class RequestList:
    """Reads; who may approve is asked of the policy the door decides by now, and asked again when it is done."""

    def __init__(
        self,
        second_person: SecondPerson,
        *,
        objects: ObjectNames,
        policies: Callable[[], PolicySet],
        clock: Callable[[], datetime],
    ) -> None:
        """`objects` reads what was parked under an object's name of before."""
        self._second_person, self._objects, self._policies, self._clock = second_person, objects, policies, clock

    def list_waiting(self, reader: Identity, *, after: str = "") -> RequestPage:
        """What `reader` may approve or reject now, oldest first."""
        mine, stronger = list[ParkedRequest](), 0
        for _ in range(_PAGES):
            page = self._second_person.list_waiting(besides=reader.subject, after=after)
            for request in map(self._read, page):
                after, decision = request.id, self._may_approve(reader, request)
                stronger += decision.missing is Missing.ASSURANCE
                if decision.effect is Effect.PERMIT:
                    mine.append(request)
                if len(mine) == PAGE_REQUESTS:
                    return RequestPage(requests=mine, cursor=after, stronger=stronger)
            if len(page) < PAGE_REQUESTS:
                return RequestPage(requests=mine, stronger=stronger)
        return RequestPage(requests=mine, cursor=after, stronger=stronger)

    def list_asked_by(self, reader: Identity, *, before: str = "") -> RequestPage:
        """What `reader` asked for, newest first."""
        return self._page(self._second_person.list_asked_by(reader.subject, before=before))

    def list_decided_by(self, reader: Identity, *, before: str = "") -> RequestPage:
        """What `reader` approved or rejected, newest first."""
        return self._page(self._second_person.list_decided_by(reader.subject, before=before))

    def find(self, identifier: str, reader: Identity) -> ParkedRequest:
        """One that `reader` asked for, decided, or may approve. Raises ParkedUnknown for any other."""
        request = self._read(self._second_person.find(identifier))
        if reader.subject in (request.subject, request.decided_by):
            return request
        if request.verdict or self._may_approve(reader, request).effect is not Effect.PERMIT:
            raise ParkedUnknown
        return request

    def _may_approve(self, reader: Identity, request: ParkedRequest) -> Decision:
        wanted = request.approval_request
        if wanted is None:
            raise ParkedUnknown
        question = AccessRequest(
            id=request.id, at=self._clock(), subject=reader.subject, department=wanted.department,
            object=wanted.object, action=wanted.approve_action, label=wanted.label,
            ceiling=ceiling_of(reader.assurance),
        )  # fmt: skip
        return decide(self._policies(), question)

    def _page(self, requests: Sequence[ParkedRequest]) -> RequestPage:
        cursor = requests[-1].id if len(requests) == PAGE_REQUESTS else ""
        return RequestPage(requests=[self._read(request) for request in requests], cursor=cursor)

    def _read(self, request: ParkedRequest) -> ParkedRequest:
        """The same with its object's name of today."""
        wanted = request.approval_request
        if wanted is None:
            return request
        return replace(request, approval_request=replace(wanted, object=self._objects.today(wanted.object)))
