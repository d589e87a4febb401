"""The only maker of Inbound: one request, one reading, or a refusal (RFC 3986 §6.2.2, RFC 9112 §3).

A path is taken only in the one spelling it can have, and is decoded nowhere after this file: the bytes that are
matched, authorized and recorded are the bytes that are sent. Nothing is repaired on the way, because a repaired request
is one the client never sent; the single exception is a lone trailing `?`, which says nothing.

- Origin-form only: absolute-form, `*` and authority-form are refused, whatever authority they name.
- A character has one spelling: what may stand raw in a path (RFC 3986 pchar) may not be percent-encoded, everything
  else must be, in upper-case hex. `%25 %2F %3B %3F %23 %5C` and encoded controls have none, nor has `;`.
- No empty, `.` or `..` segment, none that Unicode folding would turn into one, no character that folds to a slash.
- The query takes part in no decision; it is printable ASCII without `#`.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from gateway.errors import HeadersRefused, HostRefused, MethodRefused, TargetRefused, UpgradeRefused
from gateway.stages import Headers, Inbound, Listener, Raw

TARGET_BYTES = 8192
HEADERS_COUNT = 100
HOST_CHARACTERS = 253
PORT_MAX = 65535
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REFUSAL = b"/refusal"  # GATE: show the refusal that the answer to `/auth` named
QUESTIONS = frozenset({b"/auth", REFUSAL})

_PATH = re.compile(
    rb"(?:/(?:[A-Za-z0-9._~!$&'()*+,=:@-]"
    rb"|%(?:2[02]|3[CE]|5[BDE]|60|7[BCD])"  # space " < > [ ] ^ ` { | }
    rb"|%[89A-F][0-9A-F])*)+"
)
_QUERY = re.compile(rb"[\x21\x22\x24-\x7e]*")
_NAME = re.compile(rb"[A-Za-z0-9-]{1,64}")
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\t"
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?P<name>{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[1-9][0-9]{{0,4}}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}

_SINGLETONS = frozenset(
    b"host content-length content-type content-encoding transfer-encoding authorization cookie origin referer "
    b"user-agent expect upgrade range if-range if-modified-since if-unmodified-since date from max-forwards "
    b"idempotency-key sec-websocket-key sec-websocket-version sec-fetch-site sec-fetch-mode sec-fetch-dest "
    b"sec-fetch-user x-forwarded-for x-forwarded-proto x-original-method x-original-host x-original-target "
    b"x-original-address x-original-scheme x-citygate-refusal content-digest".split()
)
_CONNECTION = frozenset({b"close", b"keep-alive", b"te", b"upgrade", b"http2-settings", b""})
_DOTS = frozenset({b".", b".."})
_ORIGINAL = frozenset(name for name in _SINGLETONS if name.startswith(b"x-original-"))
_OF_A_QUESTION = {False: _ORIGINAL, True: _ORIGINAL | {b"x-citygate-refusal"}}  # of one for a kept refusal
_TOLD = {one: _ORIGINAL | {b"host"} if one is Listener.GATE else frozenset({b"host"}) for one in Listener}
_SPOOFABLE = frozenset(
    b"forwarded remote-user remote-groups remote-name remote-email x-remote-user x-user x-user-id x-username x-email "
    b"x-groups x-roles x-real-ip x-client-ip true-client-ip x-webauth-user x-authenticated-user x-authenticated-userid "
    b"x-rewrite-url x-http-method-override x-http-method x-method-override x-ssl-client-cert x-client-cert".split()
)
_SPOOFABLE_PREFIXES = (b"x-citygate-", b"x-forwarded-", b"x-auth-request-", b"x-original-", b"x-identity")


@lru_cache(maxsize=1024)
def is_spoofable(name: bytes) -> bool:
    """May an upstream believe this header about who calls, from where, or what is asked? By normalized name."""
    normalized = name.lower().replace(b"_", b"-")
    return normalized in _SPOOFABLE or normalized.startswith(_SPOOFABLE_PREFIXES)


class _Asked(NamedTuple):
    """What is asked, by whom, as far as the listener vouches for it."""

    method: bytes
    target: bytes
    authority: bytes
    scheme: str
    address: str


def canonical(raw: Raw, *, now: datetime, mint: Callable[[], str]) -> Inbound:
    """Read `raw` in the one way it can be read, under an id made by `mint`.

    What the listener vouches for replaces what the client says: its data plane's address and scheme (PROXIED), and the
    method, authority and target of the request it asks about (GATE; `raw.target` is the question).
    Raises TargetRefused, HeadersRefused, HostRefused, MethodRefused, UpgradeRefused.
    """
    headers, singles = _headers(raw.headers)
    _check_framing(singles)
    _check_connection(headers)
    asked = _asked(raw, headers, singles)
    method = asked.method.decode("latin-1")
    if method not in METHODS:
        raise MethodRefused(allowed=METHODS)
    host, origin, authority = _authority(asked.authority, asked.scheme)
    path, query = _target(asked.target)
    _check_upgrade(raw, singles, method)
    told = _TOLD[raw.listener]
    return Inbound(
        id=mint(),
        at=now,
        method=method,
        host=host,
        origin=origin,
        path=path,
        query=query,
        headers=((b"host", authority), *[pair for pair in headers if pair[0] not in told]),
        address=asked.address,
        body=raw.body,
        listener=raw.listener,
        websocket=raw.websocket,
        resumed=raw.resumed,
        approver=raw.approver,
    )


def _asked(raw: Raw, headers: Headers, singles: dict[bytes, bytes]) -> _Asked:
    authority = singles.get(b"host", b"")
    if raw.listener is Listener.GATE:
        _check_gate(raw, headers)
        return _Asked(
            method=_vouched(singles, b"x-original-method"),
            target=_vouched(singles, b"x-original-target"),
            authority=_vouched(singles, b"x-original-host"),
            scheme=_scheme(singles, b"x-original-scheme"),
            address=_address(singles, b"x-original-address"),
        )
    if raw.listener is Listener.PROXIED:
        scheme, address = _scheme(singles, b"x-forwarded-proto"), _address(singles, b"x-forwarded-for")
        return _Asked(raw.method, raw.target, authority, scheme, address)
    return _Asked(raw.method, raw.target, authority, raw.scheme, raw.peer)


def _target(target: bytes) -> tuple[str, str]:
    if len(target) > TARGET_BYTES:
        raise TargetRefused(f"longer than {TARGET_BYTES} bytes")
    path, _, query = target.partition(b"?")
    if not _PATH.fullmatch(path):
        raise TargetRefused("not a path in its one spelling")
    if not _QUERY.fullmatch(query):
        raise TargetRefused("the query holds a byte that must be encoded")
    if b"%" in path:
        _check_text(path)
    if b"//" in path or not _DOTS.isdisjoint(path.split(b"/")):
        raise TargetRefused("empty or dot segment")
    return path.decode("ascii"), query.decode("ascii")


def _check_text(path: bytes) -> None:
    """Encoded text is UTF-8 in NFC without controls, and folds to no separator or dot segment (UAX #15)."""
    try:
        text = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise TargetRefused("not UTF-8") from None
    if not unicodedata.is_normalized("NFC", text):
        raise TargetRefused("not in normal form C")
    if any(unicodedata.category(character) in ("Cc", "Cf") for character in text):
        raise TargetRefused("control or format character")
    folded = unicodedata.normalize("NFKC", text)
    if folded.count("/") != text.count("/") or "\\" in folded or {".", ".."} & set(folded.split("/")):
        raise TargetRefused("a character that folds to a separator or a dot segment")


def _headers(received: Headers) -> tuple[Headers, dict[bytes, bytes]]:
    """The headers under small names, and those of them that may stand once."""
    if len(received) > HEADERS_COUNT:
        raise HeadersRefused(f"more than {HEADERS_COUNT}")
    headers, singles = [], dict[bytes, bytes]()
    for raw_name, value in received:
        name = _name(raw_name)
        if name in _SINGLETONS:
            if name in singles:
                raise HeadersRefused(f"`{name.decode()}` stands twice")
            singles[name] = value
        if value.translate(None, _PRINTABLE):
            _check_text_of(name, value)
        headers.append((name, value))
    return tuple(headers), singles


@lru_cache(maxsize=1024)
def _name(received: bytes) -> bytes:
    if not _NAME.fullmatch(received):
        raise HeadersRefused("a name with a character other than letters, digits and hyphen")
    return received.lower()


def _check_text_of(name: bytes, value: bytes) -> None:
    if _CONTROL.search(value):
        raise HeadersRefused(f"`{name.decode()}` holds a control byte")
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        raise HeadersRefused(f"`{name.decode()}` is not UTF-8") from None


def _check_framing(singles: dict[bytes, bytes]) -> None:
    """One framing only (RFC 9112 §6.3)."""
    length, coding = singles.get(b"content-length"), singles.get(b"transfer-encoding")
    if coding is not None and (length is not None or coding.lower() != b"chunked"):
        raise HeadersRefused("`transfer-encoding` beside a length, or other than chunked")
    if length is not None and not (length.isdigit() and len(length) <= 15):
        raise HeadersRefused("`content-length` is not a number")
    if singles.get(b"expect", b"100-continue").lower() != b"100-continue":
        raise HeadersRefused("`expect` other than 100-continue")


def _check_connection(headers: Headers) -> None:
    """`Connection` deletes what it names on the way (RFC 9110 §7.6.1), so it may name nothing that reaches further."""
    for name, value in headers:
        if name == b"connection" and not {token.strip(b" \t").lower() for token in value.split(b",")} <= _CONNECTION:
            raise HeadersRefused("`connection` names a header that is not the connection's")


def _check_gate(raw: Raw, headers: Headers) -> None:
    """Behind auth_request a client's headers reach the portal as they are: what it might believe is refused here."""
    if raw.target not in QUESTIONS:
        raise TargetRefused("not a question of the data plane")
    known = _OF_A_QUESTION[raw.target == REFUSAL]
    for name, _ in headers:
        if name not in known and is_spoofable(name):
            raise HeadersRefused(f"`{name.decode('ascii')}` is not the client's to say")


def _check_upgrade(raw: Raw, singles: dict[bytes, bytes], method: str) -> None:
    """RFC 6455 §4.1; any other upgrade would change the protocol behind the door's back (h2c smuggling)."""
    if b"upgrade" not in singles and not raw.websocket:
        return
    if raw.listener is Listener.GATE or not raw.websocket or singles.get(b"upgrade", b"").lower() != b"websocket":
        raise UpgradeRefused("only WebSocket, and only inline")
    if method != "GET" or singles.get(b"sec-websocket-version") != b"13" or b"sec-websocket-key" not in singles:
        raise UpgradeRefused("not a WebSocket handshake of version 13")
    if singles.keys() & {b"content-length", b"transfer-encoding"}:
        raise UpgradeRefused("an upgrade with a body")


@lru_cache(maxsize=4096)
def _authority(value: bytes, scheme: str) -> tuple[str, str, bytes]:
    """Host without port, origin without a default port, and the authority as the upstream gets it."""
    authority = value.decode("latin-1").lower()
    matched = _HOST.fullmatch(authority)
    if not matched or len(matched["name"]) > HOST_CHARACTERS or int(matched["port"] or 1) > PORT_MAX:
        raise HostRefused("missing or not `host[:port]`")
    host, port = matched["name"], matched["port"]
    if port == _DEFAULT_PORTS[scheme]:
        authority = host
    return host, f"{scheme}://{authority}", authority.encode("ascii")


def _vouched(singles: dict[bytes, bytes], name: bytes) -> bytes:
    if name not in singles:
        raise HeadersRefused(f"`{name.decode('ascii')}` is missing from the data plane")
    return singles[name]


def _scheme(singles: dict[bytes, bytes], name: bytes) -> str:
    scheme = _vouched(singles, name).decode("latin-1")
    if scheme not in _DEFAULT_PORTS:
        raise HeadersRefused(f"`{name.decode('ascii')}` is neither http nor https")
    return scheme


def _address(singles: dict[bytes, bytes], name: bytes) -> str:
    try:
        return _one_address(_vouched(singles, name))
    except ValueError:
        raise HeadersRefused(f"`{name.decode('ascii')}` is not one address") from None


@lru_cache(maxsize=4096)
def _one_address(value: bytes) -> str:
    return str(ip_address(value.decode("latin-1")))
