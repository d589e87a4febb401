"""Small random worlds for the property tests: names that collide, trees, hierarchies, patterns, expiries."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from authz.hierarchy import Inheritance
from authz.label import Label
from authz.policy import Assignment, PolicySet, Rule
from authz.request import ANONYMOUS, AccessRequest, Effect

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SUBJECTS = ["user:li", "user:wang", "user:zhao"]
ROLES = ["clerk", "head", "user", "office"]
TREE = {"district": "city", "street": "district", "harbour": "city"}
DEPARTMENTS = ["city", "district", "street", "harbour", "elsewhere"]
PATTERNS = ["/a", "/a/", "/a/b", "/a/*", "/a/:id", "/a/:id/b", "/:x/b", "/:x/:y", "/a/:id/*", "/*", "/a.b/c", "data"]
PATHS = [
    "/a",
    "/a/",
    "/a/b",
    "/a/b/b",
    "/a/c/b/d",
    "/x/b",
    "/",
    "/axb/c",
    "/a.b/c",
    "data",
    "/a//",
    "/A/b",
    "/a\n",
    "/a/\nb",
]
ACTIONS = ["read", "write"]

labels = st.sampled_from(Label)
times = st.none() | st.integers(-1, 1).map(lambda days: NOW + timedelta(days=days))


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    return [
        Rule(
            id=f"p{n}",
            subject=draw(st.sampled_from([*SUBJECTS, *ROLES, *ROLES, ANONYMOUS])),
            department=draw(st.sampled_from([*DEPARTMENTS, "*"])),
            object=draw(st.sampled_from(PATTERNS)),
            action=draw(st.sampled_from(ACTIONS)),
            effect=draw(st.sampled_from([Effect.PERMIT, Effect.PERMIT, Effect.DENY])),
        )
        for n in range(draw(st.integers(0, 12)))
    ]


@st.composite
def assignments(draw: st.DrawFn) -> list[Assignment]:
    return [
        Assignment(
            id=f"g{n}",
            subject=draw(st.sampled_from(SUBJECTS)),
            role=draw(st.sampled_from(ROLES)),
            department=draw(st.sampled_from(DEPARTMENTS)),
            clearance=draw(labels),
            expires_at=draw(times),
        )
        for n in range(draw(st.integers(0, 6)))
    ]


@st.composite
def hierarchies(draw: st.DrawFn) -> list[Inheritance]:
    pairs = [(low, high) for n, low in enumerate(ROLES) for high in ROLES[n + 1 :]]
    return [
        Inheritance(role=low, inherits=high, department=draw(st.sampled_from([*DEPARTMENTS, "*"])))
        for low, high in draw(st.lists(st.sampled_from(pairs), max_size=4))
    ]


requests = st.builds(
    AccessRequest,
    id=st.just("01"),
    at=st.just(NOW),
    subject=st.sampled_from([*SUBJECTS, ANONYMOUS, "user:nobody"]),
    department=st.sampled_from(DEPARTMENTS),
    object=st.sampled_from(PATHS),
    action=st.sampled_from(ACTIONS),
    label=labels,
    ceiling=labels,
)

World = tuple[list[Rule], list[Assignment], list[Inheritance], dict[str, str]]
worlds: st.SearchStrategy[World] = st.tuples(rules(), assignments(), hierarchies(), st.sampled_from([dict(TREE), {}]))


def built(world: World, version: int = 1) -> PolicySet:
    said, held, inherits, parents = world
    return PolicySet.build(said, held, inherits=inherits, parents=parents, version=version)


def ask(
    subject: str = "user:li", path: str = "/a", action: str = "read", department: str = "city", **more: object
) -> AccessRequest:
    values: dict[str, object] = {"at": NOW, "label": Label.L1, "ceiling": Label.L5, **more}
    return AccessRequest(id="01", subject=subject, object=path, action=action, department=department, **values)  # type: ignore[arg-type]


def permit(subject: str = "clerk", path: str = "/a", identifier: str = "p1", **more: object) -> Rule:
    values: dict[str, object] = {"department": "city", "action": "read", "effect": Effect.PERMIT, **more}
    return Rule(id=identifier, subject=subject, object=path, **values)  # type: ignore[arg-type]


def give(role: str = "clerk", subject: str = "user:li", identifier: str = "g1", **more: object) -> Assignment:
    values: dict[str, object] = {"department": "city", "clearance": Label.L5, **more}
    return Assignment(id=identifier, subject=subject, role=role, **values)  # type: ignore[arg-type]
