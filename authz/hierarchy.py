"""The two hierarchies: departments form a tree, roles inherit roles; both are flattened once, when a set is built."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from authz.errors import PolicyInvalid
from authz.pattern import check_name
from authz.request import ANONYMOUS

EVERYWHERE = "*"
TREE_DEPTH = 16
ROLE_DEPTH = 9  # roles in one line of inheritance; pycasbin's role manager looks no further


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheritance:
    """Whoever holds `role` in `department` (and below it) also holds `inherits` there; `*` is everywhere."""

    role: str
    inherits: str
    department: str = EVERYWHERE

    def check(self) -> None:
        """Raise PolicyInvalid if a name is malformed, or if a role is to be `anonymous`. Return nothing."""
        check_name(self.role, "role")
        check_name(self.inherits, "role")
        if ANONYMOUS in (self.role, self.inherits):
            raise PolicyInvalid(f"`{ANONYMOUS}` is everybody, not a role", entry=self.role)
        if self.department != EVERYWHERE:
            check_name(self.department, "department")


def chains_of(parents: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return, for each department of the tree, itself and those above it, nearest first. `parents` maps a department to
    the one above it. Raises PolicyInvalid on a cycle, or on more than 16 levels.
    """
    chains: dict[str, tuple[str, ...]] = {}
    for department in {*parents, *parents.values()}:
        check_name(department, "department")
        chain = [department]
        while (above := parents.get(chain[-1])) is not None:
            if above in chain or len(chain) == TREE_DEPTH:
                raise PolicyInvalid(f"departments above `{department}` form a cycle or exceed {TREE_DEPTH} levels")
            chain.append(above)
        chains[department] = tuple(chain)
    return chains


Closures = Mapping[str, tuple[str, ...]]


def closures_of(inherits: Iterable[Inheritance], chains: Mapping[str, tuple[str, ...]]) -> dict[str, Closures]:
    """Return, for each department, which roles come with a role: role → it and all it inherits, nearest first.

    `inherits` are the edges; `chains` is what `chains_of` returned. A department without edges of its own is missing:
    the entry of EVERYWHERE counts for it. Raises PolicyInvalid on a cycle, or on more than 9 levels.
    """
    edges: dict[str, dict[str, set[str]]] = {EVERYWHERE: {}}
    for edge in inherits:
        edges.setdefault(edge.department, {}).setdefault(edge.role, set()).add(edge.inherits)
    closures: dict[str, Closures] = {}
    by_sources: dict[tuple[str, ...], Closures] = {}
    for department in {*edges, *chains}:
        above = (EVERYWHERE, *chains.get(department, (department,)))
        sources = tuple(dict.fromkeys(source for source in above if source in edges))
        if sources not in by_sources:
            merged: dict[str, set[str]] = {}
            for source in sources:
                for role, inherited in edges[source].items():
                    merged[role] = merged.get(role, set()) | inherited
            by_sources[sources] = {role: _closure(role, merged) for role in sorted(merged)}
        closures[department] = by_sources[sources]
    return closures


def _closure(role: str, edges: Mapping[str, set[str]]) -> tuple[str, ...]:
    """`role` and what it inherits, nearest first."""
    reached, rank = {role: None}, [role]
    for _ in range(ROLE_DEPTH):
        rank = sorted({below for above in rank for below in edges.get(above, ())})
        if not rank:
            return tuple(reached)
        reached.update(dict.fromkeys(rank))
    raise PolicyInvalid(f"role `{role}` inherits in a cycle or through more than {ROLE_DEPTH} levels", entry=role)
