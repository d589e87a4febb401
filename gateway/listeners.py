"""Where requests come in: the public port, or behind a data plane two socket files that it alone can open."""

from pathlib import Path

from gateway.server import Binding, Handle, asgi, bind_tcp, bind_unix
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
