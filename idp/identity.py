"""Who a request comes from, as far as the door knows."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A subject with the assurance of the credential it came with."""

    subject: str  # "user:01J…", "service:clock" or "anonymous"
    assurance: int = 0  # 0 nobody signed in, 2 password, 3 password and TOTP, 4 passkey, 5 hardware certificate
    session: str = ""  # the parent session, "" for keys and for nobody
    name: str = ""  # for pages and assertions, never for a record
    department: str = ""  # where the person works; "" for citizens
    csrf: str = ""  # proves that a form came from a page of this session
    until: datetime | None = None  # when the credential is over at the latest; None: nobody's


NOBODY = Identity(subject="anonymous")
