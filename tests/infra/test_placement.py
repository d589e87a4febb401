"""Placement: if there is room it is found, and never more is placed than there is."""

from hypothesis import given
from hypothesis import strategies as st

from infra.placement import Host, choose_host
from infra.quota import NOTHING, Size

sizes = st.builds(Size, *(st.integers(0, 8),) * 3)
hosts = st.lists(sizes, max_size=5).map(lambda all_: [Host(f"h{n}", size) for n, size in enumerate(all_)])
used = st.dictionaries(st.sampled_from([f"h{n}" for n in range(5)]), sizes)


@given(sizes, hosts, used)
def test_a_host_is_named_exactly_where_one_has_room(asked: Size, them: list[Host], there: dict[str, Size]) -> None:
    fitting = {host.id for host in them if asked.plus(there.get(host.id, NOTHING)).fits(host.size)}
    answer = choose_host(asked, them, there)
    if isinstance(answer, Host):
        assert answer.id in fitting
    else:
        assert not fitting
        assert (
            not them or any(most < amount for most, amount in zip(answer.values(), asked, strict=True)) or len(them) > 1
        )


@given(sizes, hosts, used)
def test_the_order_of_hosts_changes_nothing(asked: Size, them: list[Host], there: dict[str, Size]) -> None:
    assert choose_host(asked, them, there) == choose_host(asked, them[::-1], there)


@given(st.lists(sizes, max_size=20), hosts)
def test_no_row_of_placements_overfills_a_host(all_: list[Size], them: list[Host]) -> None:
    there: dict[str, Size] = {}
    for asked in all_:
        answer = choose_host(asked, them, there)
        if isinstance(answer, Host):
            there[answer.id] = there.get(answer.id, NOTHING).plus(asked)
    assert all(there.get(host.id, NOTHING).fits(host.size) for host in them)


def test_the_emptiest_is_taken_so_that_machines_spread() -> None:
    them = [Host("h0", Size(8, 8, 8)), Host("h1", Size(8, 8, 8))]
    assert choose_host(Size(1, 1, 1), them, {"h0": Size(4, 1, 1)}) == them[1]


def test_without_a_host_it_is_told_how_much_the_best_has_free() -> None:
    assert choose_host(Size(9, 1, 1), [Host("h0", Size(8, 4, 2))], {"h0": Size(2, 1, 0)}) == {
        "cpu": 6,
        "memory_gib": 3,
        "disk_gib": 2,
    }
