"""The operations port: is it alive, is it ready, which version; never reachable through the public port."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from prometheus_client import REGISTRY, generate_latest

Checks = Mapping[str, Callable[[], str]]  # name → what is wrong, "" for nothing


def operations(checks: Checks, *, version: str) -> Callable[..., Awaitable[None]]:
    """The ASGI application of the port: `/healthz` this process, `/readyz` what it needs, `/version`, `/metrics`."""

    def answer(path: str) -> tuple[int, bytes, bytes]:
        if path == "/metrics":
            return 200, b"text/plain; version=0.0.4", generate_latest(REGISTRY)
        if path == "/readyz":
            told = {name: check() or "ok" for name, check in checks.items()}
            return (200 if set(told.values()) <= {"ok"} else 503), b"application/json", json.dumps(told).encode()
        known = {"/healthz": {"status": "ok"}, "/version": {"version": version}}
        body = json.dumps(known.get(path, {"status": 404})).encode()
        return (200 if path in known else 404), b"application/json", body

    async def application(
        scope: dict[str, Any], _receive: Any, send: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> None:
        status, kind, body = answer(scope["path"])
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application
