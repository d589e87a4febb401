"""The quota tree: what is promised can be used up, and the sum of the children never exceeds the parent."""

from hypothesis import given
from hypothesis import strategies as st

from infra.quota import NOTHING, QuotaTree, Size

PARENTS = {"civil": "city", "housing": "city", "registry": "civil", "desk": "registry"}
NAMES = ["city", *PARENTS]
sizes = st.builds(Size, *(st.integers(0, 6),) * 3)


def up_to(most: int) -> st.SearchStrategy[Size]:
    return st.builds(Size, *(st.integers(0, most),) * 3)


trees = st.builds(
    QuotaTree,
    parents=st.just(PARENTS),
    quotas=st.fixed_dictionaries(
        {},
        optional={"city": up_to(40), "civil": up_to(16), "housing": up_to(8), "registry": up_to(8), "desk": up_to(3)},
    ),
    used=st.dictionaries(st.sampled_from(NAMES), up_to(2)),
)  # large enough above that many of them hold


def subtree(name: str) -> list[str]:
    return [name, *(one for child, parent in PARENTS.items() if parent == name for one in subtree(child))]


def is_sound(tree: QuotaTree) -> bool:
    """Written out: for each who holds a quota, his own machines and what he gave away fit into it."""
    for holder, quota in tree.quotas.items():
        drawing = [name for name in subtree(holder) if tree.holder(name) == holder]
        given_away = [n for n in tree.quotas if n != holder and tree.holder(PARENTS.get(n, "")) == holder]
        total = NOTHING
        for part in [*(tree.used.get(n, NOTHING) for n in drawing), *(tree.quotas[n] for n in given_away)]:
            total = total.plus(part)
        if not total.fits(quota):
            return False
    return True


@given(trees, st.sampled_from(NAMES), sizes)
def test_whoever_is_not_short_may_have_it_and_the_tree_stays_sound(tree: QuotaTree, name: str, asked: Size) -> None:
    if not is_sound(tree):
        return
    after = tree._replace(used={**tree.used, name: tree.used.get(name, NOTHING).plus(asked)})
    holder = tree.holder(name)
    fits = bool(holder) and is_sound(after)
    assert (not tree.shortages(name, asked)) == (fits or asked == NOTHING)


@given(trees, st.sampled_from(NAMES), sizes)
def test_a_quota_without_conflict_leaves_the_tree_sound(tree: QuotaTree, name: str, wanted: Size) -> None:
    if not is_sound(tree):
        return
    if not tree.conflicts(name, wanted):
        assert is_sound(tree._replace(quotas={**tree.quotas, name: wanted}))


@given(trees)
def test_in_a_sound_tree_the_machines_below_a_quota_never_exceed_it(tree: QuotaTree) -> None:
    if not is_sound(tree):
        return
    for holder, quota in tree.quotas.items():
        used = NOTHING
        for name in subtree(holder):
            used = used.plus(tree.used.get(name, NOTHING))
        assert used.fits(quota)


@given(trees, sizes)
def test_where_nobody_was_given_a_quota_there_is_nothing(tree: QuotaTree, asked: Size) -> None:
    bare = tree._replace(quotas={})
    assert [one.resource for one in bare.shortages("desk", asked)] == [
        name for name, amount in zip(Size._fields, asked, strict=True) if amount
    ]


def test_what_is_short_is_told_with_what_is_left() -> None:
    tree = QuotaTree(PARENTS, {"city": Size(64, 64, 64)}, {"civil": Size(58, 1, 1)})
    (short,) = tree.shortages("registry", Size(16, 1, 1))
    assert (short.resource, short.asked, short.left, short.quota) == ("cpu", 16, 6, 64)


def test_a_quota_below_what_is_used_or_above_what_is_left_is_a_conflict() -> None:
    tree = QuotaTree(PARENTS, {"city": Size(10, 10, 10), "housing": Size(4, 4, 4)}, {"registry": Size(3, 0, 0)})
    assert [one.resource for one in tree.conflicts("civil", Size(2, 4, 4))] == ["cpu"]
    assert [one.left for one in tree.conflicts("civil", Size(7, 6, 6))] == [6]
    assert tree.conflicts("civil", Size(6, 6, 6)) == []
