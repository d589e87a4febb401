"""The immutable PolicySet a process decides by, indexed so that its size does not matter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from authz.errors import PolicyInvalid
from authz.facts import NO_FACTS, Facts
from authz.hierarchy import EVERYWHERE, Closures, Inheritance, chains_of, closures_of
from authz.label import Label
from authz.pattern import PathIndex, check_name, segments_of
from authz.request import ANONYMOUS, AccessRequest, Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`subject` may, or must not, do `action` on what `object` matches in `department`.

    `subject` is a role, one subject's id, or `anonymous`: that is everybody, signed in or not.
    `department` may be `*`: every department. `object` is an anchored pattern (`pattern.segments_of`).
    """

    id: str
    subject: str
    department: str
    object: str
    action: str
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """`subject` holds `role` in `department` and in all below it, up to `clearance`, until `expires_at` (excluded)."""

    id: str
    subject: str
    role: str
    department: str
    clearance: Label
    expires_at: datetime | None = None

    def has_expired(self, at: datetime) -> bool:
        """Whether the assignment gives its role no longer at the moment `at`."""
        return self.expires_at is not None and at >= self.expires_at


class Matching(NamedTuple):
    """The rules that apply to one request."""

    denies: list[Rule]
    permits: list[tuple[Rule, Label]]  # with the clearance its subject is held with
    examined: int  # paths and names looked up


Index = Mapping[tuple[str, str], PathIndex[Rule]]
Held = Mapping[str, Mapping[str, tuple[Assignment, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """Rules and role assignments as one immutable value; made by `build` and `with_subject` only."""

    version: int
    rules: Mapping[str, Rule]
    inherits: tuple[Inheritance, ...]
    chains: Mapping[str, tuple[str, ...]]  # department → it and those above it, nearest first
    facts: Facts
    _index: Index  # (department, action) → object → subject → rule
    _held: Held  # department → subject → assignments
    _closures: Mapping[str, Closures]

    @classmethod
    def build(
        cls,
        rules: Iterable[Rule],
        assignments: Iterable[Assignment],
        *,
        inherits: Iterable[Inheritance] = (),
        parents: Mapping[str, str] | None = None,
        facts: Facts = NO_FACTS,
        version: int = 0,
    ) -> "PolicySet":
        """Check everything and index it. A set with one fault is refused whole.

        `parents` maps a department to the one above it; without it this is Casbin's RBAC with domains. `facts` are the
        systems and zones, `version` is the epoch the set was read at. Raises PolicyInvalid, which names the entry and
        the reason.
        """
        chains = chains_of(parents or {})
        edges = tuple(inherits)
        for edge in edges:
            edge.check()
        by_id, index = _indexed(rules)
        return cls(
            version=version,
            rules=MappingProxyType(by_id),
            inherits=edges,
            chains=MappingProxyType(chains),
            facts=facts,
            _index=index,
            _held=_by_department(assignments),
            _closures=closures_of(edges, chains),
        )

    def with_subject(self, subject: str, assignments: Iterable[Assignment], *, version: int) -> "PolicySet":
        """Return the same set in which `subject` holds exactly these assignments; everything else is shared with this
        one.

        It costs a shallow copy of the map of subjects of each department concerned. Raises PolicyInvalid.
        """
        theirs = _by_department(assignments)
        if any(held.keys() - {subject} for held in theirs.values()):
            raise PolicyInvalid("an assignment of another subject", entry=subject)
        held = dict(self._held)
        for department in [name for name, subjects in held.items() if subject in subjects]:
            held[department] = {name: each for name, each in held[department].items() if name != subject}
        for department, added in theirs.items():
            held[department] = {**held.get(department, {}), **added}
        return replace(self, version=version, _held=held)

    def subjects(self) -> frozenset[str]:
        """Return everybody who holds a role."""
        return frozenset().union(*self._held.values())

    def assignments_of(self, subject: str) -> tuple[Assignment, ...]:
        """Return the assignments of `subject`, also those that ran out."""
        return tuple(one for subjects in self._held.values() for one in subjects.get(subject, ()))

    def chain(self, department: str) -> tuple[str, ...]:
        """`department` and those above it, nearest first: a role held in any of them holds here."""
        return self.chains.get(department, (department,))

    def names_of(self, subject: str, department: str, at: datetime) -> dict[str, Label]:
        """Return every name under which a rule reaches `subject` in `department` at the moment `at`, with the highest
        clearance of each.

        A rule that names the subject itself is not limited by a clearance. What everybody may do ends at label 1.
        """
        closure = self._closures.get(department, self._closures[EVERYWHERE])
        names = dict.fromkeys(closure.get(subject, (subject,)), Label.L5) if subject != ANONYMOUS else {}
        names[ANONYMOUS] = Label.L1
        for home in self.chains.get(department, (department,)):
            if (subjects := self._held.get(home)) is None:
                continue
            for assignment in subjects.get(subject, ()):
                if assignment.expires_at is not None and at >= assignment.expires_at:
                    continue
                clearance = assignment.clearance
                for role in closure.get(assignment.role, (assignment.role,)):
                    if names.get(role, 0) < clearance:
                        names[role] = clearance
        return names

    def roles_held(self, subject: str, department: str, at: datetime) -> list[str]:
        """Return the roles that `subject` holds in `department` at the moment `at`, also inherited ones, sorted."""
        return sorted(self.names_of(subject, department, at).keys() - {subject, ANONYMOUS})

    def permitted_names(self, department: str, action: str, path: str) -> frozenset[str]:
        """Return the roles and subjects that some rule permits this action on `path`.
        A deny or a label may still stop who has them.
        """
        leaves, _ = self._leaves(department, action, path)
        rules = [rule for leaf in leaves for rule in leaf.values()]
        return frozenset(rule.subject for rule in rules if rule.effect is Effect.PERMIT)

    def matching(self, request: AccessRequest) -> Matching:
        """Return the rules that reach the request's subject and match its department, action and object."""
        denies: list[Rule] = []
        permits: list[tuple[Rule, Label]] = []
        leaves, examined = self._leaves(request.department, request.action, request.object)
        if not leaves:
            return Matching(denies=denies, permits=permits, examined=examined)
        names = self.names_of(request.subject, request.department, request.at)
        for leaf in leaves:
            for name, clearance in names.items():
                if (rule := leaf.get(name)) is None:
                    continue
                if rule.effect is Effect.DENY:
                    denies.append(rule)
                else:
                    permits.append((rule, clearance))
        return Matching(denies=denies, permits=permits, examined=examined + len(leaves) * len(names))

    def _leaves(self, department: str, action: str, path: str) -> tuple[list[dict[str, Rule]], int]:
        segments = path.split("/")
        leaves: list[dict[str, Rule]] = []
        lookups = 0
        for home in (department, EVERYWHERE):
            if (objects := self._index.get((home, action))) is not None:
                found, looked = objects.find(path, segments)
                leaves += found
                lookups += looked
        return leaves, lookups


class _Names:
    """Checks each distinct name of a set once, and that no id stands twice."""

    def __init__(self) -> None:
        self._good: set[str] = set()
        self._ids: set[str] = set()

    def check_id(self, identifier: str) -> None:
        check_name(identifier, "id")
        if identifier in self._ids:
            raise PolicyInvalid("the same id twice", entry=identifier)
        self._ids.add(identifier)

    def check(self, name: str, what: str) -> None:
        if name not in self._good:
            check_name(name, what)
            self._good.add(name)


def _indexed(rules: Iterable[Rule]) -> tuple[dict[str, Rule], Index]:
    by_id: dict[str, Rule] = {}
    index: dict[tuple[str, str], PathIndex[Rule]] = {}
    names, patterns = _Names(), dict[str, tuple[str, ...]]()
    for rule in rules:
        names.check_id(rule.id)
        try:
            _check_rule(rule, names)
            if (segments := patterns.get(rule.object)) is None:
                segments = patterns[rule.object] = segments_of(rule.object)
            if (objects := index.get((rule.department, rule.action))) is None:
                objects = index[rule.department, rule.action] = PathIndex()
            leaf = objects.leaf(segments)
        except PolicyInvalid as invalid:
            raise PolicyInvalid(invalid.reason, entry=rule.id) from None
        by_id[rule.id] = rule
        known = leaf.setdefault(rule.subject, rule)
        if rule.effect is Effect.DENY and known.effect is Effect.PERMIT:
            leaf[rule.subject] = rule  # whomever the permit reaches, this deny reaches too and overrides
    return by_id, index


def _check_rule(rule: Rule, names: _Names) -> None:
    names.check(rule.subject, "subject")
    names.check(rule.action, "action")
    if rule.department != EVERYWHERE:
        names.check(rule.department, "department")
    if not isinstance(rule.effect, Effect):
        raise PolicyInvalid(f"effect `{rule.effect}` is neither permit nor deny")


def _by_department(assignments: Iterable[Assignment]) -> dict[str, dict[str, tuple[Assignment, ...]]]:
    held: dict[str, dict[str, list[Assignment]]] = {}
    names = _Names()
    for one in assignments:
        names.check_id(one.id)
        try:
            _check_assignment(one, names)
        except PolicyInvalid as invalid:
            raise PolicyInvalid(invalid.reason, entry=one.id) from None
        held.setdefault(one.department, {}).setdefault(one.subject, []).append(one)
    return {home: {subject: tuple(each) for subject, each in subjects.items()} for home, subjects in held.items()}


def _check_assignment(one: Assignment, names: _Names) -> None:
    names.check(one.subject, "subject")
    names.check(one.role, "role")
    names.check(one.department, "department")
    if ANONYMOUS in (one.subject, one.role):
        raise PolicyInvalid(f"`{ANONYMOUS}` is everybody: it neither holds nor is a role")
    if not isinstance(one.clearance, Label):
        raise PolicyInvalid(f"clearance `{one.clearance}` is not a label")
    if one.expires_at is not None and one.expires_at.tzinfo is None:
        raise PolicyInvalid("expiry without a time zone")
