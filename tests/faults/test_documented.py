"""The page about faults is about these tests."""

from pathlib import Path

from tests.faults.table import table


def test_every_fault_is_on_the_page() -> None:
    """fault: a fault without a line in `docs/faults.md` — this test fails until the page is printed anew."""
    assert (Path(__file__).parents[2] / "docs/faults.md").read_text() == table()
