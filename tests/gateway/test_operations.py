"""Alive, ready, version, metrics: and nothing of the city."""

import json
from typing import Any

import pytest

from gateway.operations import operations


async def ask(path: str, wrong: str = "") -> tuple[int, dict[str, str], bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    checks = {"lease": lambda: wrong, "spool": lambda: ""}
    await operations(checks, version="0.1.0")({"type": "http", "path": path}, None, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/version", 200), ("/audit", 404), ("/", 404)])
async def test_this_port_knows_its_own_paths_only(path: str, status: int) -> None:
    assert (await ask(path))[0] == status


async def test_ready_names_what_is_not() -> None:
    status, _, body = await ask("/readyz", "not confirmed")
    assert (status, json.loads(body)) == (503, {"lease": "not confirmed", "spool": "ok"})
    assert (await ask("/readyz"))[0] == 200


async def test_metrics_are_text() -> None:
    status, headers, body = await ask("/metrics")
    assert (status, headers["content-length"]) == (200, str(len(body)))
    assert headers["content-type"].startswith("text/plain")
