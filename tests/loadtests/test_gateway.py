"""`bench gateway` on a small city: every answer counted and the upstream's own, nothing for a bad credential."""

from dataclasses import replace

import pytest

from loadtests import gateway, meter, tokens
from loadtests.filling import GATED, INLINE, CitySize, label_of, paths, route_table
from loadtests.meter import Target, tree
from loadtests.running import baselines, upstream
from tests.needs import need

SMALL = CitySize(rules=400, departments=4, sessions=80, routes=8, revocable=2)
OURS = [way + suffix for way in ("inline", "inline_nginx", "forward_auth") for suffix in ("", "_label3")]


@pytest.fixture(scope="module")
def seen() -> dict:
    need("nginx", "wrk")
    with pytest.MonkeyPatch.context() as patch:
        labels = {"": (1, 2, 3), "_label3": (3,)}
        for name, value in {"SIZE": SMALL, "ROUNDS": 1, "SECONDS": 1, "LABELS": labels}.items():
            patch.setattr(gateway, name, value)
        for name, value in {"CONNECTIONS": 8, "SETTLE_SECONDS": 0.1}.items():
            patch.setattr(meter, name, value)
        return gateway.measure("embedded")


def test_every_answer_of_every_case_is_counted_and_is_the_upstreams(seen) -> None:
    assert list(seen["cases"]) == ["plain_nginx", "naive_proxy", "naive_auth", *OURS]
    for case in seen["cases"].values():
        assert set(case["statuses"]) <= {"200", "503"}  # a machine that is busy with other tests loses leases
        assert case["errors"] == {}
        assert case["requests_per_s"]["min"] > 0


def test_the_cpu_of_ours_and_of_nginx_is_told_apart(seen) -> None:
    cases = seen["cases"]
    assert cases["plain_nginx"]["cpu_ms"]["max"] == 0 < cases["plain_nginx"]["apart_cpu_ms"]["nginx"]["median"]
    assert not cases["inline"]["apart_cpu_ms"]
    assert cases["inline"]["cpu_ms"]["min"] > 0
    for behind_nginx in ("naive_auth", "inline_nginx", "forward_auth"):
        assert cases[behind_nginx]["cpu_ms"]["min"] > 0 < cases[behind_nginx]["apart_cpu_ms"]["nginx"]["median"]


def test_the_ratios_a_reader_is_promised_are_there(seen) -> None:
    assert {"inline_vs_naive", "forward_auth_vs_naive", "inline_vs_naive_label3", "forward_auth_vs_naive_label3",
            "forward_auth_vs_naive_whole"} <= set(seen["ratios"])  # fmt: skip
    assert all(ratio > 0 for ratio in seen["ratios"].values())


def test_no_bad_credential_reached_the_upstream_before_or_after(seen) -> None:
    assert set(seen["controls"]) == {"good: answered", "bad: refused"}
    assert seen["controls"]["good: answered"] == 2 * len(seen["cases"])
    assert seen["controls"]["bad: refused"] == 2 * (6 * len(OURS) + 6)
    assert seen["ok"]


def test_an_open_gate_is_found_by_the_control_and_fails_the_command(tmp_path) -> None:
    """The plain proxy asks nobody: taken for a gate, its bad credentials are answered."""
    need("nginx")
    signed = tokens.make(tmp_path)
    with (
        upstream(tmp_path / "upstream") as behind,
        baselines(tmp_path / "run", upstream_port=behind, public_key=signed.public_key) as (ports, _),
    ):
        target = Target(port=ports["plain"], host="x", paths=["/"], credentials=signed.credentials, ours=[])
        said = gateway.control(gateway.Case(target=target, refused=signed.refused))
        guarded = gateway.control(gateway.Case(target=replace(target, port=ports["guarded"]), refused=signed.refused))
    assert said == ["good: answered", *["bad: answered"] * 6]
    assert guarded == ["good: answered", *["bad: refused"] * 6]
    assert not gateway._is_ok([], said)


def test_processes_below_a_process_are_found() -> None:
    assert 1 in tree([1])
    assert len(tree([1])) > 1


def test_half_of_the_routes_carry_label_3() -> None:
    whole = CitySize()
    labels = [label_of(number) for number in range(whole.routes // 2)]
    assert labels.count(3) * 2 == len(labels) == 50
    assert set(labels) == {1, 2, 3}
    assert len(paths(whole)) == len(paths(whole, labels=(1, 2))) + len(paths(whole, labels=(3,)))
    text = route_table(whole, 1, forward_auth=True)
    assert text.count("[[routes]]") == whole.routes
    assert text.count("label = 3") == whole.routes // 2
    assert text.count(f'host = "{INLINE}.localhost"') == text.count(f'host = "{GATED}.localhost"') == 50
