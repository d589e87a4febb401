"""nft fails while a flow is opened or closed: no row says what is not so, and the clock's job brings back what the rows say."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import namespaces as programs
from infra.errors import DataPlaneRefused, DataPlaneUnavailable
from infra.namespaces import NamespacePlane
from infra.zone import Way
from tests.acts import an_act
from tests.infra.city_with_machines import CityWithMachines, city_with_machines

FAILED = (DataPlaneRefused, DataPlaneUnavailable)
KEPT, WANTED = Way("core", "extranet", "tcp", 443), Way("internet", "core", "tcp", 22)
# in the place of nft, which it has in $NFT; `-f -` without `--check` is what changes the rules
BROKEN = {
    "refuses": 'case "$*" in "-f -") echo "Error: no buffer space" >&2; exit 1;; esac; exec "$NFT" "$@"',
    "hangs": 'case "$*" in "-f -") exec sleep 60;; esac; exec "$NFT" "$@"',
    "dies once it was applied": 'case "$*" in "-f -") "$NFT" "$@"; kill -9 $$;; esac; exec "$NFT" "$@"',
}


@pytest.fixture
def infra_city(namespaces: NamespacePlane, tmp_path: Path) -> Iterator[CityWithMachines]:
    """One flow is open, on real rules."""
    with city_with_machines(f"sqlite:///{tmp_path / 'city.db'}", tmp_path, plane=namespaces) as ready:
        ready.open(KEPT)
        yield ready


def instead_of_nft(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    folder.mkdir()
    (folder / "nft").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "nft").chmod(0o755)
    monkeypatch.setenv("NFT", shutil.which("nft") or "")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(programs, "_RUN_SECONDS", 1.0)


@pytest.mark.parametrize("how", BROKEN)
def test_a_flow_that_nft_did_not_take_is_not_open_and_one_it_did_not_close_is(
    infra_city: CityWithMachines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """fault: nft refuses, hangs, or dies right after it applied, while a flow is opened or closed — refused, the rows are as they were; the rules are too, at the latest after the job's next run."""
    with monkeypatch.context() as broken:
        instead_of_nft(broken, tmp_path / "broken", BROKEN[how])
        with pytest.raises(FAILED):
            infra_city.open(WANTED)
        with pytest.raises(FAILED):
            infra_city.zones.close(KEPT, an_act("user:zheng", record="01CLOSE"))
        with pytest.raises(FAILED):
            infra_city.zones.apply()
    assert [row["port"] for row in infra_city.zones.flows()] == [KEPT.port]
    infra_city.zones.keep()
    assert infra_city.zones.test(KEPT).passes
    assert not infra_city.zones.test(WANTED).passes
    assert list(infra_city.zones.drift()) == []
