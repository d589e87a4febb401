"""The rules of a real router: named when changed past us, old or new but never half, whatever else happens."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.errors import DataPlaneRefused, DataPlaneUnavailable
from infra.namespaces import NamespacePlane
from tests.infra.city_with_machines import FLOWS, compiled, flow
from tests.needs import need


def test_what_was_opened_or_closed_by_hand_is_named(plane: NamespacePlane) -> None:
    def by_hand(command: str) -> None:
        subprocess.run(["ip", "netns", "exec", plane.router, "nft", command], check=True, timeout=20)

    model = compiled(FLOWS)
    plane.apply(model)
    assert list(plane.drift(model)) == []
    by_hand("insert rule inet citygate forward tcp dport 80 accept")
    by_hand('add element inet citygate flows { "zn-core" . "zn-internet" . tcp . 22 : accept }')
    by_hand('delete element inet citygate flows { "zn-core" . "zn-extranet" . tcp . 443 }')
    by_hand("add table ip other")
    found = plane.drift(model)
    assert {(one.where.split(" ")[-1], bool(one.found)) for one in found} == {
        ("rules", True), ("flows", True), ("flows", False), ("itself", True),
    }  # fmt: skip
    assert any(one.found == "zn-core . zn-internet . tcp . 22 : accept" for one in found)
    assert plane.test("core", "internet", "tcp", 22)  # the packets' own answer
    by_hand("delete table ip other")
    plane.apply(model)
    assert list(plane.drift(model)) == []
    assert not plane.test("core", "internet", "tcp", 22)


def test_a_router_that_lost_its_rules_is_named_and_has_no_digest(namespaces: NamespacePlane) -> None:
    model = compiled(FLOWS)
    assert namespaces.digest() == ""
    namespaces.apply(model)
    assert namespaces.digest() == model.digest()
    subprocess.run(["ip", "netns", "exec", namespaces.router, "nft", "flush", "ruleset"], check=True, timeout=20)
    assert namespaces.digest() == ""
    assert {bool(one.wanted) for one in namespaces.drift(model)} == {True}


def test_rules_that_are_refused_half_way_leave_the_old_ones_in_force(plane: NamespacePlane) -> None:
    """fault: nft refuses a rule set at any line — the old rules are in force, whole."""
    model = compiled(FLOWS)
    plane.apply(model)
    lines = compiled([]).text().splitlines(keepends=True)
    for line in ("\t\tnonsense\n", "\t\tiifname @nowhere accept\n", "\t\tiifname . oifname vmap @homes\n"):
        broken = "".join([*lines[:-6], line, *lines[-6:]])
        with pytest.raises(DataPlaneRefused):
            plane.load(broken)
        assert plane.digest() == model.digest()
        assert list(plane.drift(model)) == []
    assert plane.packets("core", "extranet", [("tcp", 443)]) == [True]


def test_rules_the_check_lets_through_and_the_kernel_refuses_leave_the_old_ones_in_force(plane: NamespacePlane) -> None:
    """`--check` sees no table that goes away in between; the transaction does."""
    model = compiled(FLOWS)
    plane.apply(model)
    late = compiled([]).text() + 'delete element inet citygate interfaces { "zn-nowhere" }\n'
    with pytest.raises(DataPlaneRefused):
        plane.load(late)
    assert plane.digest() == model.digest()
    assert plane.packets("core", "extranet", [("tcp", 443)]) == [True]


def test_an_apply_that_is_killed_leaves_the_old_rules_or_the_new_ones_whole(plane: NamespacePlane) -> None:
    """fault: kill -9 of nft while it applies 4 000 flows — the old rules or the new ones, never a part."""
    old = compiled(FLOWS)
    many = [flow("core", "extranet", port, identifier=f"01N{port}") for port in range(1, 4001)]
    new = compiled(many)
    plane.apply(old)
    seen = set()
    for wait in (0.0, 0.01, 0.03, 0.05, 0.08, 0.12, 0.2, 0.4):
        process = subprocess.Popen(
            ["ip", "netns", "exec", plane.router, "nft", "-f", "-"], stdin=subprocess.PIPE, text=True
        )
        writer = process.stdin
        writer.write(new.text())
        writer.close()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        digest = plane.digest()
        assert digest in (old.digest(), new.digest())
        seen.add(digest)
        assert list(plane.drift(old if digest == old.digest() else new)) == []
        plane.apply(old)
    assert old.digest() in seen


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DataPlaneUnavailable, match="apt-get install nftables"):
        NamespacePlane("cgnone").digest()


@pytest.mark.parametrize("what", ["apply", "test", "drift", "digest"])
def test_without_root_it_is_said_that_it_takes_root(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    need("nft", "ip", "unshare", "sysctl")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    plane, model = NamespacePlane("cgnone"), compiled([])
    asked: dict[str, Callable[[], object]] = {
        "apply": lambda: plane.apply(model), "drift": lambda: plane.drift(model), "digest": plane.digest,
        "test": lambda: plane.test("core", "extranet", "tcp", 443),
    }  # fmt: skip
    with pytest.raises(DataPlaneUnavailable, match="need root"):
        asked[what]()


def test_nothing_is_left_of_the_namespaces(namespaces: NamespacePlane) -> None:
    namespaces.apply(compiled([]))
    namespaces.remove()
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True, timeout=120).stdout
    assert namespaces._tag not in listed
    assert Path("/sys/class/net/zn-core").exists() is False
