"""One answer on its way out: uvicorn's cycle, with its head checked and written in one pass."""

from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_STATUS_LINES = {one.value: b"HTTP/1.1 %d %s\r\n" % (one.value, one.phrase.encode()) for one in HTTPStatus}
_BODILESS = (204, 304)


class AnswerWriter(RequestResponseCycle):
    """Takes ASGI's messages. Raises RuntimeError for an answer that is not one: it is then broken off, visibly."""

    async def send(self, message: Any) -> None:
        """A head, or a piece of the body; waits while the client does not read."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            self._send_head(message["status"], message["headers"])
        elif self.response_complete:
            raise RuntimeError("an answer goes on after its end")
        else:
            self._send_body(message["body"], more=message.get("more_body", False))

    def _send_head(self, status: int, headers: Any) -> None:
        self.response_started, self.waiting_for_100_continue = True, False
        lines, closing = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status], False
        for name, value in (*self.default_headers, *headers):
            lines.append(b"%s: %s\r\n" % (name, value))
            small = name.lower()
            if small == b"content-length":
                self.expected_content_length, self.chunked_encoding = int(value), False
            elif small == b"transfer-encoding":
                raise RuntimeError("the framing is ours")
            elif small == b"connection" and value == b"close":
                self.keep_alive, closing = False, True
        if not self.keep_alive and not closing:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _BODILESS:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
            raise RuntimeError("a header would be two")
        self.transport.write(head + b"\r\n")

    def _send_body(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
        elif self.chunked_encoding:
            piece = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            self.transport.write(piece if more else piece + b"0\r\n\r\n")
        elif len(body) > self.expected_content_length:
            raise RuntimeError("more than the length that was told")
        else:
            self.expected_content_length -= len(body)
            if body:
                self.transport.write(body)
        if not more:
            self._end()

    def _end(self) -> None:
        if self.expected_content_length:
            raise RuntimeError("less than the length that was told")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
