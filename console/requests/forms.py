"""The verdict of a second person: reading it, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass

from authz.park import ParkedRequest
from console.requests.fields import is_legible
from console.shell.terms import wrong_with_reason

_APPROVE, _REJECT = "approve", "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a second person says to a request, and why."""

    word: str  # "approve" or "reject"; anything else is none
    reason: str

    @property
    def approves(self) -> bool:
        """Whether it lets the request be sent."""
        return self.word == _APPROVE


def read_verdict(sent: object) -> Verdict:
    """Read it out of a form or out of JSON; what is neither a text nor there is ""."""
    if not isinstance(sent, Mapping):
        return Verdict(word="", reason="")
    word, reason = sent.get("verdict", ""), sent.get("reason", "")
    if not isinstance(word, str) or not isinstance(reason, str):
        return Verdict(word="", reason="")
    return Verdict(word=word, reason=reason.strip())


def wrong_with_verdict(request: ParkedRequest, verdict: Verdict) -> dict[str, str]:
    """What cannot be accepted, as one field and its code; empty when nothing is wrong.

    Nobody approves a request whose fields cannot be shown whole; to reject it takes a reason.
    """
    if verdict.word not in (_APPROVE, _REJECT):
        return {"field": "verdict", "code": "verdict-missing"}
    if verdict.approves and not is_legible(request):
        return {"field": "verdict", "code": "fields-hidden"}
    return {} if verdict.approves else next(wrong_with_reason(verdict.reason), {})
