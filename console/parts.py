"""What the desks work with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from audit.log import Log
from audit.reconcile import Reconciled
from authz.administer import Administration
from authz.lease import Receipt
from authz.park import Parking
from authz.policy import PolicySet
from authz.register import Register
from console.shell.frame import Frame
from crypto.aead import Sealer
from gateway.routes import Route
from idp.directory import Directory
from idp.keycloak.drift import Drift
from idp.relying_party import RelyingParty
from idp.session import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the desks share. `effective(epoch)` waits until every gateway decides by it."""

    frame: Frame
    relying_party: RelyingParty
    sessions: Sessions
    directory: Directory
    register: Register
    administration: Administration
    parking: Parking
    routes: Sequence[Route]  # every desk's
    log: Log
    reconciled: Callable[[], Reconciled]
    seal: Sealer
    policies: Callable[[], PolicySet]
    portals: Mapping[str, Route]
    effective: Callable[[int], Receipt]
    forget: Callable[[str], None]  # a cookie that was replaced
    jwks: Callable[[], dict[str, list[dict[str, str]]]]
    drift: Callable[[], Sequence[Drift]]
    apply: Callable[[], Sequence[Drift]]
    jobs: Mapping[str, Callable[[str], int]]
    clock: Callable[[], datetime]
    mint: Callable[[], str]
