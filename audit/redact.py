"""What may never be written: anything that looks like a credential of ours becomes `[redacted]`."""

import re
from functools import lru_cache

REDACTED = "[redacted]"

_NAMES = (
    r"(?:access_|refresh_|id_|logout_)?token|id_token_hint|code|code_verifier|state|nonce|password|passwd|otp|totp"
    r"|secret|client_secret|client_assertion|assertion|csrf|session"
)
# A value ends at the next parameter, also where the whole address is itself an encoded parameter.
_PARAMETER = re.compile(
    rf"((?:(?<![\w-])|(?<=%3f)|(?<=%26))(?:{_NAMES})(?:=|%3d))(?:(?!%26|%23)[^&#\s;\"'])*", re.IGNORECASE | re.ASCII
)
_CREDENTIAL = re.compile(
    r"(?<![A-Za-z0-9])cg_[\w.-]{8,}"  # personal, machine and application keys
    r"|eyJ[\w-]*\.[\w-]+(?:\.[\w-]*)*"  # JWS and JWE, compact
    r"|__(?:Host|Secure)-[\w.-]+=[^;\s&\"']*"
    r"|(?i:(?<![\w-])(?:bearer|basic|dpop)\s+[\w.~+/=-]{8,})",
    re.ASCII,
)
_SECRET_NAME = re.compile(
    r"(?:\w+_)?(?:token|password|passwd|secret|otp|totp|assertion|cookie|authorization|csrf)", re.IGNORECASE | re.ASCII
)


def redact(text: str) -> str:
    """Return `text` with `[redacted]` in place of what looks like a credential.
    Applied to its own answer it changes nothing.
    """
    return _PARAMETER.sub(rf"\1{REDACTED}", _CREDENTIAL.sub(REDACTED, text))


def is_suspect(text: str) -> bool:
    """Return whether `redact` could change `text`.
    It is quick, and says yes too often rather than no once too often.
    """
    small = text.lower()
    return (
        "=" in small
        or "%3d" in small
        or "cg_" in small
        or "eyj" in small
        or "bearer" in small
        or "basic" in small
        or "dpop" in small
    )


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Return whether a value under this name is a credential, whatever it looks like."""
    return _SECRET_NAME.fullmatch(name) is not None
