"""Answers of the data plane, as a page and the API show them."""

from typing import Any

from infra.zones import FlowTest


def test_answer(answer: FlowTest) -> dict[str, Any]:
    """Say whether something passes, whether the rows agree, and the flow that allows it or None."""
    flow = answer.flow
    return {
        "passes": answer.passes,
        "agrees": answer.agrees,
        "flow": {"id": flow.id, "owner": flow.owner, "expires_at": flow.expires_at} if flow else None,
    }
