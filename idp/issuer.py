"""The issuer as the relying party sees it: discovery, signing keys and token endpoint over a pinned back channel."""

import base64
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from idp.errors import IssuerUnavailable, LoginRejected, TokenMalformed
from idp.jws import PinnedKeys, pin

MAX_ANSWER_BYTES = 256 * 1024
DEADLINE_SECONDS = 5.0  # for one whole call
REFRESH_SECONDS = 1.5  # for each while a request waits for it to be let through
COOL_DOWN_SECONDS = 10.0  # between two fetches that an unknown key id may cause
RETRY_SECONDS = 1.0  # between two fetches while nothing usable is cached
MAX_AGE_SECONDS = 24 * 3600.0

_OK, _BAD_REQUEST = 200, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Backchannel:
    """The one address this issuer is ever called at, whatever its documents say (no redirects, no DNS)."""

    address: str  # "127.0.0.1"
    port: int
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where the browser goes (absolute URLs) and what the back channel asks for (paths)."""

    authorization: str
    end_session: str
    token_path: str
    jwks_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    endpoints: Endpoints
    keys: PinnedKeys
    at: float


class Issuer:
    """One issuer; safe to share between threads. `monotonic` gives seconds that never jump."""

    def __init__(self, url: str, *, backchannel: Backchannel, monotonic: Callable[[], float]) -> None:
        self.url = url
        self._backchannel = backchannel
        self._monotonic = monotonic
        self._known: _Known | None = None
        self._attempted = float("-inf")
        self._fetching = threading.Lock()

    def endpoints(self) -> Endpoints:
        """The discovered endpoints. Raises IssuerUnavailable."""
        return self._fresh(DEADLINE_SECONDS).endpoints

    def keys(self, *, kid: str = "") -> PinnedKeys:
        """The pinned keys; an unknown `kid` asks again, at most once per cool-down. Raises IssuerUnavailable."""
        known = self._fresh(DEADLINE_SECONDS)
        if kid and kid not in known.keys:
            known = self._fetch(known, wait=COOL_DOWN_SECONDS, deadline_seconds=DEADLINE_SECONDS) or known
        return known.keys

    def redeem(self, form: Mapping[str, str], *, client_id: str, client_secret: str) -> Mapping[str, Any]:
        """Send a code's `form` to the token endpoint as this client.

        Raises LoginRejected if the issuer refuses the grant, IssuerUnavailable for everything else.
        """
        status, answer = self._ask_for_tokens(form, client_id, client_secret, deadline_seconds=DEADLINE_SECONDS)
        if status == _BAD_REQUEST:
            raise LoginRejected("the issuer refuses the code")
        return _tokens(status, answer)

    def refresh(self, refresh_token: str, *, client_id: str, client_secret: str) -> Mapping[str, Any]:
        """Ask for new tokens (RFC 6749 §6).

        Raises LoginRejected if the refresh token no longer counts, IssuerUnavailable for everything else.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        status, answer = self._ask_for_tokens(form, client_id, client_secret, deadline_seconds=REFRESH_SECONDS)
        if status == _BAD_REQUEST and isinstance(answer, dict) and answer.get("error") == "invalid_grant":
            raise LoginRejected("the sign-in no longer counts at the issuer")
        return _tokens(status, answer)

    def _ask_for_tokens(
        self, form: Mapping[str, str], client_id: str, client_secret: str, *, deadline_seconds: float
    ) -> tuple[int, object]:
        """With client_secret_basic (RFC 6749 §2.3.1)."""
        pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
        headers = {
            "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        path = self._fresh(deadline_seconds).endpoints.token_path
        return self._call("POST", path, urlencode(form), headers, deadline_seconds=deadline_seconds)

    def _fresh(self, deadline_seconds: float) -> _Known:
        known = self._known
        if known is not None and self._monotonic() - known.at < MAX_AGE_SECONDS:
            return known
        if fetched := self._fetch(known, wait=RETRY_SECONDS, deadline_seconds=deadline_seconds):
            return fetched
        raise IssuerUnavailable("issuer did not answer a moment ago")

    def _fetch(self, seen: _Known | None, *, wait: float, deadline_seconds: float) -> _Known | None:
        """Discover again and return the outcome; None if it was tried within `wait` seconds, or still is."""
        if not self._fetching.acquire(timeout=deadline_seconds):
            return None
        try:
            if self._known is not seen:
                return self._known
            if self._monotonic() - self._attempted < wait:
                return None
            self._attempted = self._monotonic()
            self._known = self._discover(deadline_seconds)
            return self._known
        finally:
            self._fetching.release()

    def _discover(self, deadline_seconds: float) -> _Known:
        endpoints = self._discovered(deadline_seconds)
        try:
            keys = pin(self._document(endpoints.jwks_path, deadline_seconds))
        except TokenMalformed as failure:
            raise IssuerUnavailable(f"unusable signing keys: {failure}") from failure
        return _Known(endpoints=endpoints, keys=keys, at=self._attempted)

    def _discovered(self, deadline_seconds: float) -> Endpoints:
        path = urlsplit(self.url).path + "/.well-known/openid-configuration"
        document = self._document(path, deadline_seconds)
        if not isinstance(document, dict) or document.get("issuer") != self.url:
            raise IssuerUnavailable("discovery names another issuer")
        return Endpoints(
            authorization=self._public_url(document, "authorization_endpoint"),
            end_session=self._public_url(document, "end_session_endpoint"),
            token_path=_path(document, "token_endpoint"),
            jwks_path=_path(document, "jwks_uri"),
        )

    def _public_url(self, document: dict[str, Any], name: str) -> str:
        ours, theirs = urlsplit(self.url), urlsplit(str(document.get(name)))
        if (theirs.scheme, theirs.netloc) != (ours.scheme, ours.netloc) or theirs.query or theirs.fragment:
            raise IssuerUnavailable(f"`{name}` is not below the issuer")
        return theirs.geturl()

    def _document(self, path: str, deadline_seconds: float) -> object:
        status, answer = self._call("GET", path, None, {}, deadline_seconds=deadline_seconds)
        if status != _OK:
            raise IssuerUnavailable(f"`{path}` answered {status}")
        return answer

    def _call(
        self, method: str, path: str, body: str | None, headers: dict[str, str], *, deadline_seconds: float
    ) -> tuple[int, object]:
        connection = self._connection(deadline_seconds)
        try:
            connection.connect()
            # A socket timeout bounds one read; only this bounds an answer that drips.
            deadline = threading.Timer(deadline_seconds, _hang_up, (connection.sock,))
            deadline.daemon = True
            deadline.start()
            try:
                connection.request(method, path, body, headers | {"Host": urlsplit(self.url).netloc})
                response = connection.getresponse()
                content = response.read(MAX_ANSWER_BYTES + 1)
            finally:
                deadline.cancel()
        except (OSError, http.client.HTTPException) as failure:
            raise IssuerUnavailable(f"issuer unreachable: {type(failure).__name__}") from failure
        finally:
            connection.close()
        if len(content) > MAX_ANSWER_BYTES:
            raise IssuerUnavailable("issuer answered more than 256 KiB")
        try:
            return response.status, json.loads(content)
        except (ValueError, RecursionError):
            return response.status, None

    def _connection(self, deadline_seconds: float) -> http.client.HTTPConnection:
        place = self._backchannel
        if place.tls is None:
            return http.client.HTTPConnection(place.address, place.port, timeout=deadline_seconds)
        return http.client.HTTPSConnection(place.address, place.port, timeout=deadline_seconds, context=place.tls)


def _tokens(status: int, answer: object) -> Mapping[str, Any]:
    if status != _OK or not isinstance(answer, dict):
        raise IssuerUnavailable(f"token endpoint answered {status}")
    return answer


def _path(document: dict[str, Any], name: str) -> str:
    url = urlsplit(str(document.get(name)))
    if url.scheme not in {"http", "https"} or not url.path.startswith("/") or url.query or url.fragment:
        raise IssuerUnavailable(f"`{name}` is not an endpoint")
    return url.path


def _hang_up(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:  # already closed
        return
