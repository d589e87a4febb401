"""The compiler: the same zones and flows give the same text, what ran out is not in it, and names are data."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.nftables import compile_rules
from infra.zone import Flow, Zone
from tests.idp.people import NOW
from tests.infra.city_with_machines import IN_A_DAY, ZONES, flow

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = [
    "<x>",
    "a\nb",
    "a; drop",
    "-core",
    "../etc",
    'a" . "b',
    "a }",
    "a\0",
    "",
    "A",
    "ä",
    "x" * 64,
    "a,b",
    "@homes",
    "$x",
]


@pytest.mark.parametrize(
    ("name", "flows"),
    [
        ("closed", []),
        (
            "open",
            [
                flow("core", "extranet", identifier="01A"),
                flow("internet", "extranet", 53, "udp", identifier="01B"),
                flow("extranet", "core", 5432, identifier="01C", days=-1),
            ],
        ),
    ],
)
def test_the_text_is_the_golden_one(name: str, flows: list[Flow]) -> None:
    assert compile_rules(ZONES, flows, at=NOW).text() == (GOLDEN / f"{name}.nft").read_text()


def test_the_order_of_rows_changes_nothing() -> None:
    flows = [flow("core", "extranet", port, identifier=f"01A{port}") for port in range(1, 9)]
    assert compile_rules(ZONES[::-1], flows[::-1], at=NOW) == compile_rules(ZONES, flows, at=NOW)
    assert compile_rules(ZONES[::-1], flows[::-1], at=NOW).text() == compile_rules(ZONES, flows, at=NOW).text()


def test_a_flow_is_compiled_until_it_expires_and_not_at_that_moment() -> None:
    one = [flow("core", "extranet")]
    assert compile_rules(ZONES, one, at=IN_A_DAY - timedelta(microseconds=1)).passages
    assert not compile_rules(ZONES, one, at=IN_A_DAY).passages


def test_another_set_of_rules_has_another_digest() -> None:
    one, other = (compile_rules(ZONES, [flow("core", "extranet", port)], at=NOW) for port in (1, 2))
    assert one.digest() != other.digest()
    assert one.digest() in one.text()


def test_zones_that_share_addresses_or_an_interface_are_refused() -> None:
    def zone(**changes: str) -> Zone:
        values = {name: getattr(ZONES[0], name) for name in Zone.__dataclass_fields__}
        return Zone(**values | {"id": "other", "prefix": "10.99.0.0/16", "interface": "zn-other"} | changes)

    compile_rules([*ZONES, zone()], [], at=NOW)
    for changes in ({"prefix": "10.77.0.0/16"}, {"prefix": ZONES[1].prefix}, {"interface": "zn-core"}):
        with pytest.raises(ValueError, match="zones"):
            compile_rules([*ZONES, zone(**changes)], [], at=NOW)


def test_a_flow_of_a_zone_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no such zone"):
        compile_rules(ZONES[:1], [flow("core", "extranet")], at=NOW)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("field", ["id", "network", "interface", "prefix"])
def test_no_hostile_name_becomes_a_zone(field: str, text: str) -> None:
    """fault: a zone whose id, network or interface holds what nft would read — there is no such zone to compile."""
    values = {name: getattr(ZONES[0], name) for name in Zone.__dataclass_fields__}
    with pytest.raises(ValueError):
        Zone(**values | {field: text})


@pytest.mark.parametrize(
    ("field", "text"),
    [  # of an id, "A" is no fault
        (field, text)
        for field in ("id", "from_zone", "to_zone", "protocol")
        for text in HOSTILE
        if (field, text) != ("id", "A")
    ],
)
def test_no_hostile_name_becomes_a_flow(field: str, text: str) -> None:
    """fault: a flow whose id, zone or protocol holds what nft would read — there is no such flow to compile."""
    values = {name: getattr(flow("core", "extranet"), name) for name in Flow.__dataclass_fields__}
    with pytest.raises(ValueError):
        Flow(**values | {field: text})


@given(st.text(max_size=12))
def test_whatever_passes_for_a_zones_name_needs_no_quoting(text: str) -> None:
    values = {name: getattr(ZONES[0], name) for name in Zone.__dataclass_fields__}
    try:
        zone = Zone(**values | {"id": text, "interface": text})
    except ValueError:
        return
    assert all(one in "abcdefghijklmnopqrstuvwxyz0123456789-" for one in zone.interface)
    assert compile_rules([zone], [], at=NOW).text().count(text) >= 2
