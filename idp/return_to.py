"""Where a person may be sent after signing in: a path of the host they came from, and nothing else."""

import re

MAX_CHARS = 1900  # keeps the flow cookie that carries it below 4096 bytes (ASVS 3.3.5)

_PATH = re.compile(r"/[\x21-\x7e]*")
_QUERY = re.compile(r"[\x21-\x7e]*")
_NEVER = re.compile(r"[\\#]")  # browsers read a backslash as a slash, and keep a fragment to themselves
# An empty first segment is an authority, and what stays encoded here is what the door refuses to read twice.
_AMBIGUOUS = re.compile(r"//|/\.{1,2}(?:/|$)|%(?![0-9A-Fa-f]{2})|%(?:[01]|2[ef]|5c|7f)", re.IGNORECASE)


def safe_return_to(target: str) -> str:
    """Return `target` if it is a plain path and query of the same host (RFC 9112 §3.2.1), else "/"."""
    path, _, query = target.partition("?")
    is_plain = (
        len(target) <= MAX_CHARS
        and _PATH.fullmatch(path)
        and _QUERY.fullmatch(query)
        and not _NEVER.search(target)
        and not _AMBIGUOUS.search(path)
    )
    return target if is_plain else "/"
