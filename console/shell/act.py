"""What a view knows of the request it serves: who reads, and the act it is to carry out, once its form is checked."""

import hmac
from collections.abc import Mapping

from flask import request

from gateway.errors import CsrfRefused
from gateway.local import exchange
from gateway.stages import Matched
from idp.identity import NOBODY, Identity
from storage.act import Act


def current_act() -> Act:
    """The act that the door permitted and this view is to carry out.

    Raises CsrfRefused for a browser's request that does not come from a page of its session.
    """
    check_csrf()
    return act_without_form()


def act_without_form() -> Act:
    """The act of a request that no form of ours sends: what it brings proves itself, and the view checks that.

    Such are a login that comes back from the issuer, and what the issuer says of a sign-on by itself.
    """
    recorded = exchange().recorded
    inbound = recorded.inbound
    return Act(
        actor=recorded.identity.subject,
        approver=inbound.approver,
        request=inbound.resumed,
        record=inbound.id,
        at=inbound.at,
        department=recorded.matched.department,
        notes=recorded.notes,
    )


def current_request() -> Matched:
    """The current request: how it came in, the route that serves it, and the action it asks for."""
    return exchange().recorded.matched


def reader() -> Identity:
    """Who sent the current request."""
    return exchange().recorded.identity


def record_id() -> str:
    """The id of the current request's record."""
    return current_request().inbound.id


def note(facts: Mapping[str, str | int]) -> None:
    """Say this in the outcome record of a request that only reads; an act has its own `note`."""
    exchange().recorded.notes.update(facts)


def wants_page() -> bool:
    """Whether whoever asks shows pages."""
    return "text/html" in (current_request().inbound.header(b"accept") or "")


def check_csrf() -> None:
    """The form came from a page of this session. A key is no cookie: nobody else can send it. Raises CsrfRefused.

    What was parked may hold the token of a session that is over; the button that sent it again brought a new one.
    """
    recorded = exchange().recorded
    identity = recorded.identity
    if recorded.inbound.resumed and identity != NOBODY:
        return
    shown = request.form.get("csrf", "").encode()
    if identity == NOBODY or (identity.session and not hmac.compare_digest(shown, identity.csrf.encode())):
        raise CsrfRefused("the form is not from a page of this session")
