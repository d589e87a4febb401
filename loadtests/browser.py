"""A browser as far as a sign-in needs one: cookies by host, redirects between hosts, one form."""

import contextlib
import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode, urljoin, urlsplit

_REDIRECTS = 12
_FORM = re.compile(r'<form[^>]*\bmethod="post"[^>]*>.*?</form>', re.DOTALL | re.IGNORECASE)
_ACTION = re.compile(r'\baction="([^"]*)"')
_HIDDEN = re.compile(r'<input(?=[^>]*\btype="hidden")(?=[^>]*\bname="([^"]*)")(?=[^>]*\bvalue="([^"]*)")[^>]*>')


class Lost(Exception):
    """The way did not lead where it should; the message says where it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowsedPage:
    """Where a request ended."""

    url: str
    status: int
    text: str

    @property
    def asks_password(self) -> bool:
        return 'type="password"' in self.text


@dataclass(slots=True, kw_only=True)
class Browser:
    """One person's, at one network address; every host is on one port of this machine."""

    port: int
    address: str  # it comes from: any of 127.0.0.0/8
    _cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def get(self, url: str) -> BrowsedPage:
        """Open an address and follow where it leads. Raises Lost, OSError."""
        return self._follow("GET", url, None)

    def submit(self, page: BrowsedPage, values: Mapping[str, str]) -> BrowsedPage:
        """Fill in the page's one POST form and send it. Raises Lost, OSError."""
        form = _FORM.search(page.text)
        if not form:
            raise Lost(f"no form at {page.url} ({page.status})")
        hidden = {unescape(name): unescape(value) for name, value in _HIDDEN.findall(form[0])}
        action = _ACTION.search(form[0].partition(">")[0])
        target = urljoin(page.url, unescape(action[1]) if action else "")
        return self._follow("POST", target, urlencode({**hidden, **values}))

    def close(self) -> None:
        """Drop the connection."""
        if self._connection:
            self._connection.close()

    def _follow(self, method: str, url: str, body: str | None) -> BrowsedPage:
        for _ in range(_REDIRECTS):
            status, location, text = self._ask(method, url, body)
            if status not in (301, 302, 303, 307, 308):
                return BrowsedPage(url=url, status=status, text=text)
            method, body, url = "GET", None, urljoin(url, location)
        raise Lost(f"still redirected at {urlsplit(url).netloc}")

    def _ask(self, method: str, url: str, body: str | None) -> tuple[int, str, str]:
        parts = urlsplit(url)
        held = self._cookies.setdefault(parts.netloc, {})
        headers = {
            "Host": parts.netloc,
            "Accept": "text/html",
            "Cookie": "; ".join(f"{name}={value}" for name, value in held.items()),
        }
        if not held:
            del headers["Cookie"]
        if body is not None:
            origin = f"{parts.scheme}://{parts.netloc}"
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin}
        answer = self._exchange(method, f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", body, headers)
        text = answer.read().decode("utf-8", "replace")
        for line in answer.headers.get_all("Set-Cookie", []):
            pair, _, attributes = line.partition(";")
            name, _, value = pair.strip().partition("=")
            is_over = not value or re.search(r"max-age=0\b|expires=thu, 01[ -]jan[ -]1970", attributes, re.IGNORECASE)
            held.pop(name, None) if is_over else held.update({name: value.strip('"')})
        return answer.status, answer.headers.get("Location", ""), text

    def _exchange(
        self, method: str, target: str, body: str | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """Over the connection that is open, or a new one where the server closed it meanwhile."""
        if self._connection:
            with contextlib.suppress(http.client.HTTPException, ConnectionError):
                self._connection.request(method, target, body, dict(headers))
                return self._connection.getresponse()
            self._connection.close()
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=60, source_address=(self.address, 0)
        )
        self._connection.request(method, target, body, dict(headers))
        return self._connection.getresponse()
