"""Real packets from inside a network namespace: run as a program, its orders as JSON on stdin, its answer on stdout.

`listen`: {"ports": [["tcp", 443], …]} → "ready", then answers everybody until stdin ends.
`ask`: {"asks": [[ADDRESS, "udp", 53], …], "seconds": 1.0} → [true, false, …]: what passed.
"""

import errno
import json
import select
import selectors
import socket
import sys
import time
from collections.abc import Iterable
from typing import Any

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_AGAIN_SECONDS = 0.2  # a datagram is sent again as often


def listen(ports: Iterable[tuple[str, int]]) -> None:
    """Accept and echo, until our stdin ends."""
    with selectors.DefaultSelector() as waiting:
        for protocol, port in ports:
            one = socket.socket(socket.AF_INET, _KINDS[protocol])
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("", port))
            if protocol == "tcp":
                one.listen(1024)
            waiting.register(one, selectors.EVENT_READ, protocol)
        waiting.register(sys.stdin, selectors.EVENT_READ, "end")
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            for key, _ in waiting.select():
                if key.data == "end":
                    return
                _answer(key.fileobj, key.data)


def _answer(one: Any, protocol: str) -> None:
    if protocol == "tcp":
        one.accept()[0].close()
    else:
        data, peer = one.recvfrom(64)
        one.sendto(data, peer)


def ask(asks: Iterable[tuple[str, str, int]], *, seconds: float) -> list[bool]:
    """Try all at once; whatever has not answered after `seconds` did not pass."""
    tried = [_begin(*one) for one in asks]
    passed = [False] * len(tried)
    over, again = time.monotonic() + seconds, 0.0
    while (now := time.monotonic()) < over and not all(passed):
        resend, again = now >= again, now + _AGAIN_SECONDS if now >= again else again
        poll = select.poll()
        for number, one in enumerate(tried):
            if passed[number]:
                continue
            if one.type == socket.SOCK_DGRAM:
                passed[number] = resend and _send(one)
            poll.register(one, select.POLLIN if one.type == socket.SOCK_DGRAM else select.POLLOUT)
        ready = {descriptor for descriptor, _ in poll.poll(1000 * min(_AGAIN_SECONDS, over - now))}
        for number, one in enumerate(tried):
            passed[number] = passed[number] or (one.fileno() in ready and _arrived(one))
    for one in tried:
        one.close()
    return passed


def _begin(address: str, protocol: str, port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, _KINDS[protocol])
    one.setblocking(False)
    one.connect_ex((address, port))
    return one


def _send(one: socket.socket) -> bool:
    """Send a datagram; True if the one before was refused by whom it reached."""
    try:
        one.send(b"?")
    except OSError as failure:
        return failure.errno == errno.ECONNREFUSED
    return False


def _arrived(one: socket.socket) -> bool:
    """Whether there was an answer; whoever refuses was reached, too."""
    try:
        if one.type == socket.SOCK_DGRAM:
            return bool(one.recv(64))
        if error := one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return error == errno.ECONNREFUSED
        one.getpeername()  # fails for what could not even be sent
        return True
    except OSError as failure:
        return failure.errno == errno.ECONNREFUSED


def _main(what: str) -> None:
    orders = json.loads(sys.stdin.readline())
    if what == "listen":
        listen(orders["ports"])
    else:
        passed = ask(orders["asks"], seconds=orders["seconds"])
        sys.stdout.write(json.dumps(passed) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1])
