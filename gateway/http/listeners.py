"""Where requests come in: the public port, or behind a data plane two socket files that it alone can open."""

import os
import socket
from pathlib import Path

from gateway.http.server import Binding, Handle, asgi
from gateway.stages import Listener


def public(answer: Handle, *, port: int) -> list[Binding]:
    """Anybody on this machine, over TCP. Raises OSError when the port is taken."""
    return [Binding(socket=bind_tcp("127.0.0.1", port), application=asgi(answer))]


def behind_data_plane(answer: Handle, question: Handle, *, folder: Path, secret: str) -> list[Binding]:
    """The data plane alone: what it passes on to us, and what it asks about."""
    answers = {Listener.PROXIED: answer, Listener.GATE: question}
    return [
        Binding(socket=bind_unix(folder / f"{listener}.sock"), application=asgi(how, listener=listener, secret=secret))
        for listener, how in answers.items()
    ]


def bind_tcp(host: str, port: int) -> socket.socket:
    """A listening address; port 0 takes a free one. Raises OSError when it is taken."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def bind_unix(path: Path) -> socket.socket:
    """A socket file that only this account and its group may open; one left by an earlier process is replaced."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    before = os.umask(0o117)
    try:
        bound.bind(str(path))
    finally:
        os.umask(before)
    return bound
