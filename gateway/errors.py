"""Why the door does not deliver; the status of each stands in problems.py alone.

GatewayError
├── Unreadable           what came is not HTTP/1.1; the server answered by itself
├── TargetRefused        the request target has no single reading
├── HeadersRefused       a header is malformed, doubled, contradictory or one too many
├── HostRefused          no Host, or none that is a plain host[:port]
├── UpgradeRefused       an upgrade that is not a well-formed WebSocket handshake on a route that has one
├── RouteUnknown         no route serves this host and path
├── InlineOnly           a write of label 3 by forward-auth: nobody could record its outcome
├── MethodRefused        the route, or HTTP as served here, has no such method
├── NotThroughTheDoor    something asked for a delivery without the proof that it was recorded
├── CsrfRefused          a write whose origin is not the host it writes to
├── RateExceeded         too many requests from this address or subject
├── LimitsUnavailable    how many requests there were is not known
├── BodyTooLarge         more bytes than the route takes
├── DigestWrong          the body is another than its digest says
├── RequestTimeout       the client stopped sending its request
├── ClientGone           the client went away before it had an answer
├── UpstreamBusy         as many requests as the route allows are already under way
├── UpstreamUnavailable  the upstream refused, broke off, or answered something that is not HTTP
├── UpstreamTimeout      the upstream did not go on within the route's deadline
└── InvalidRoute         an entry of the route table that would not mean one thing
"""

from collections.abc import Iterable


class GatewayError(Exception):
    """Base of everything this package raises."""

    code = "gateway"


class InlineOnly(GatewayError):
    """Only an inline host records what came of a write of label 3; its system was graded after the table was read."""

    code = "inline-only"


class Unreadable(GatewayError):
    """The server could not read a request out of what came, and said so."""

    code = "unreadable"


class TargetRefused(GatewayError):
    """The request target could be read in two ways; the message names the rule, never the target."""

    code = "target-refused"


class HeadersRefused(GatewayError):
    """The headers could be read in two ways; the message names the header, never its value."""

    code = "headers-refused"


class HostRefused(GatewayError):
    """The authority is missing or not `host[:port]`."""

    code = "host-refused"


class UpgradeRefused(GatewayError):
    """Only WebSocket, and only where the route says so."""

    code = "upgrade-refused"


class RouteUnknown(GatewayError):
    """No route serves this host and path."""

    code = "route-unknown"


class MethodRefused(GatewayError):
    """The method means nothing here; `allowed` is what the answer's Allow header lists."""

    code = "method-refused"

    def __init__(self, *, allowed: Iterable[str]) -> None:
        self.allowed = tuple(sorted(allowed))
        super().__init__(f"allowed here: {', '.join(self.allowed)}")


class NotThroughTheDoor(GatewayError):
    """A delivery was asked for without a `Recorded`."""

    code = "not-through-the-door"


class CsrfRefused(GatewayError):
    """A write came from a page of another origin."""

    code = "csrf-refused"


class RateExceeded(GatewayError):
    """Too many requests; the client may come again in `retry_seconds`."""

    code = "rate-exceeded"

    def __init__(self, *, retry_seconds: int) -> None:
        self.retry_seconds = retry_seconds
        super().__init__(f"again in {retry_seconds} s")


class LimitsUnavailable(GatewayError):
    """The counts that all gateways share were not heard of for too long: nobody knows who asks too fast."""

    code = "limits-unavailable"


class BodyTooLarge(GatewayError):
    """The body is longer than the route's `limit_bytes`."""

    code = "body-too-large"

    def __init__(self, *, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"at most {limit_bytes} bytes")


class DigestWrong(GatewayError):
    """The body is not the one whose `Content-Digest` was told, and maybe signed."""

    code = "digest-wrong"

    def __init__(self) -> None:
        super().__init__("the body is not what its digest says")


class RequestTimeout(GatewayError):
    """The client stopped sending its request."""

    code = "request-timeout"


class ClientGone(GatewayError):
    """The client closed the connection before its request was complete; nobody reads the answer."""

    code = "client-gone"


class UpstreamBusy(GatewayError):
    """The upstream already has as many requests under way as the route allows."""

    code = "upstream-busy"


class UpstreamUnavailable(GatewayError):
    """The upstream refused the connection, broke it, or did not speak HTTP."""

    code = "upstream-unavailable"


class UpstreamTimeout(GatewayError):
    """The upstream neither answered nor went on answering within the route's deadline."""

    code = "upstream-timeout"


class InvalidRoute(GatewayError):
    """An entry of the route table that would not mean one thing."""

    code = "invalid-route"
