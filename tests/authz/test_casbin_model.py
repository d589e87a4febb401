"""Casbin files: the subset answers as pycasbin does, everything else is refused by line and reason."""

import logging
from pathlib import Path

import casbin
import pytest
from casbin.model import Model
from casbin.persist.adapters.string_adapter import StringAdapter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from authz.casbin_model import CasbinFiles, export, load
from authz.decide import decide
from authz.errors import PolicyInvalid
from authz.label import Label
from authz.policy import PolicySet
from authz.request import ANONYMOUS, Effect
from tests.authz.worlds import NOW, PATHS, World, ask, built, give, worlds

logging.getLogger("casbin").setLevel(logging.ERROR)

DENY = " && !some(where (p.eft == deny))"
STOCK = "g(r.sub, p.sub, r.dom) && r.dom == p.dom && r.obj == p.obj && r.act == p.act"
PATTERNS = "g(r.sub, p.sub, r.dom) && r.dom == p.dom && keyMatch2(r.obj, p.obj) && r.act == p.act"
WIDE = (
    '(r.dom == p.dom || p.dom == "*") && r.act == p.act && keyMatch2(r.obj, p.obj)'
    f' && (g(r.sub, p.sub, r.dom) || p.sub == "{ANONYMOUS}")'
)


def model(matcher: str = PATTERNS, *, eft: bool = True, effect: str = "some(where (p.eft == allow))" + DENY) -> str:
    return f"""[request_definition]
r = sub, dom, obj, act

[policy_definition]
p = sub, dom, obj, act{", eft" if eft else ""}

[role_definition]
g = _, _, _

[policy_effect]
e = {effect}

[matchers]
m = {matcher}
"""


def enforcer(files: CasbinFiles) -> casbin.Enforcer:
    parsed = Model()
    parsed.load_model_from_text(files.model)
    return casbin.Enforcer(parsed, StringAdapter(files.policy or "# nothing"))


def permits(policies: PolicySet, subject: str, department: str, path: str, action: str) -> bool:
    return decide(policies, ask(subject, path, action, department)).effect is Effect.PERMIT


# The policies that come with Casbin's documentation of RBAC with domains, word for word.
DOMAINS = """p, admin, domain1, data1, read
p, admin, domain1, data1, write
p, admin, domain2, data2, read
p, admin, domain2, data2, write
g, alice, admin, domain1
g, bob, admin, domain2
"""


def test_casbins_own_example_loads_unchanged_and_answers_the_same() -> None:
    files = CasbinFiles(model=model(STOCK, eft=False, effect="some(where (p.eft == allow))"), policy=DOMAINS)
    policies, oracle = load(files), enforcer(files)
    for subject in ("alice", "bob", "admin", "carol"):
        for department in ("domain1", "domain2", "domain3"):
            for path in ("data1", "data2"):
                question = (subject, department, path, "read")
                assert permits(policies, *question) == oracle.enforce(*question)


def test_ids_are_lines_and_every_assignment_is_unlimited() -> None:
    policies = load(
        CasbinFiles(model=model(), policy='# a comment\n\np, "admin", d1 ,/a/:id, read, deny\ng, alice, admin, d1')
    )
    assert set(policies.rules) == {"p3"}
    (held,) = policies.assignments_of("alice")
    assert (held.id, held.clearance, held.expires_at) == ("g4", 5, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (model(PATTERNS.replace("keyMatch2", "keyMatch")), "keyMatch("),
        (model(PATTERNS.replace("keyMatch2", "regexMatch")), "regexMatch"),
        (model(PATTERNS + " && eval(p.sub)"), "eval"),
        (model(PATTERNS + ' || r.sub == "root"'), "not in the subset"),
        (model(PATTERNS.replace("r.dom == p.dom && ", "")), "does not compare the department"),
        (model(PATTERNS + " && r.act == p.act"), "said twice"),
        (model(PATTERNS.replace("r.act == p.act", "r.act = = p.act")), "not in the subset"),
        (model(PATTERNS.replace("r.act", "r. act")), "not in the subset"),
        (model(effect="!some(where (p.eft == deny))"), "`e` must be"),
        (model(effect="priority(p.eft) || deny"), "`e` must be"),
        (model(effect="subjectPriority(p.eft) || deny"), "`e` must be"),
        (model().replace("sub, dom, obj, act\n", "sub, obj, act\n", 1), "`r` must be"),
        (model().replace("act, eft", "act, eft, priority"), "`p` must be"),
        (model().replace("g = _, _, _", "g = _, _"), "`g` must be"),
        (model().replace("g = _, _, _", "g = _, _, _\ng2 = _, _"), "exactly one `g`"),
        (model() + "m2 = true\n", "exactly one `m`"),
        (model().replace("[role_definition]\ng = _, _, _\n", ""), "exactly one `g`"),
        ("", "exactly one `r`"),
        ("[request_definition]\nr", "cannot be read"),
    ],
)
def test_a_model_outside_the_subset_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load(CasbinFiles(model=text, policy=""))
    assert reason in caught.value.reason


def test_the_refusal_of_a_model_names_its_line() -> None:
    with pytest.raises(PolicyInvalid, match=r"^line 14: "):
        load(CasbinFiles(model=model("true"), policy=""))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        # security findings on pycasbin's stock functions, each of them a difference it would make in silence
        ("p, clerk, d1, /svc/*/readonly, read, allow", "`*` in object pattern"),
        ("p, clerk, d1, /v1.0/x, read, allow", "regular expression"),
        ("p, clerk, d1, /a+/x, read, allow", "regular expression"),
        ("p, clerk, d1, /a|/.*, read, allow", "regular expression"),
        ("p, clerk, d1, /[ab], read, allow", "object pattern"),
        ("p, clerk, d1, /a/\\d, read, allow", "`\\` in object pattern"),
        ("p, clerk, d1, /a:b, read, allow", "`:` in object pattern"),
        ("p, clerk, d1, *, read, allow", "`*` in object pattern"),
        ("p, clerk, d1, /a, read, Deny", "neither allow nor deny"),
        ("p, clerk, d1, /a, read, ", "neither allow nor deny"),
        ("p, clerk, d1, /a, read", "4 fields after p"),
        ("p, clerk, d1, /a, read, allow, ", "6 fields after p"),
        ("p, clerk, *, /a, read, allow", "`*` in department"),
        ("p, *, d1, /a, read, allow", "`*` in subject"),
        (f"p, {ANONYMOUS}, d1, /a, read, allow", "is everybody"),
        ("p, , d1, /a, read, allow", "empty subject"),
        ('p, " clerk", d1, /a, read, allow', "blank at an edge"),
        ('p, "cl,erk", d1, /a, read, allow', "`,` in subject"),
        ('p, "cl""erk", d1, /a, read, allow', '`"` in subject'),
        ('p, clerk", d1, /a, read, allow', "quote"),
        ('p, "clerk, d1, /a, read, allow', "quote"),
        ("p, cl\x07erk, d1, /a, read, allow", "control character"),
        ("p, clerk), d1, /a, read, allow", "`)` in subject"),
        ("p, clerk, d1, /a, *, allow", "`*` in action"),
        ("p2, clerk, d1, /a, read, allow", "neither p nor g"),
        ("P, clerk, d1, /a, read, allow", "neither p nor g"),
        ("\ufeffp, clerk, d1, /a, read, allow", "neither p nor g"),
        (", clerk", "neither p nor g"),
        ("p", "0 fields"),
        ("g, alice, admin", "2 fields after g"),
        ("g, alice, admin, d1, 2030", "4 fields after g"),
        (f"g, {ANONYMOUS}, admin, d1", "everybody"),
        ("g, alice, alice, d1", "inherits in a cycle"),
        ("p" * 5000, "more than 4096"),
    ],
)
def test_a_policy_line_outside_the_subset_is_refused_by_line_and_reason(line: str, reason: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load(CasbinFiles(model=model(), policy=f"p, clerk, d1, /a, read, allow\n\n{line}\n"))
    assert caught.value.line == 3
    assert reason in caught.value.reason


def test_a_deny_that_the_model_would_ignore_is_refused() -> None:
    text = model(effect="some(where (p.eft == allow))")
    with pytest.raises(PolicyInvalid, match="line 1: a deny line has no effect"):
        load(CasbinFiles(model=text, policy="p, clerk, d1, /a, read, deny"))


def test_a_pattern_is_refused_where_the_matcher_compares_exactly() -> None:
    for path in ("/a/:id", "/a/*"):
        with pytest.raises(PolicyInvalid, match="compares exactly"):
            load(CasbinFiles(model=model(STOCK), policy=f"p, clerk, d1, {path}, read, allow"))


def test_an_escaped_dot_is_a_dot_to_both() -> None:
    files = CasbinFiles(model=model(), policy="p, alice, d1, /v1\\.0/x, read, allow")
    policies, oracle = load(files), enforcer(files)
    for path, answer in (("/v1.0/x", True), ("/v1X0/x", False)):
        assert permits(policies, "alice", "d1", path, "read") == oracle.enforce("alice", "d1", path, "read") == answer


def test_where_pycasbin_is_open_at_a_line_break_we_are_not() -> None:
    policies = load(
        CasbinFiles(
            model=model(),
            policy="p, li, d1, /foo, read, allow\np, li, d1, /admin/*, read, deny\np, li, d1, /*, read, allow",
        )
    )
    assert decide(policies, ask("li", "/admin/\nx", department="d1")).reason == "explicit-deny"
    exact = load(CasbinFiles(model=model(), policy="p, li, d1, /foo, read, allow"))
    assert not permits(exact, "li", "d1", "/foo\n", "read")


def test_with_no_policy_at_all_nothing_is_permitted() -> None:
    assert not permits(load(CasbinFiles(model=model(), policy="")), "alice", "d1", "/a", "read")
    with pytest.raises(ValueError, match="without subject"):
        ask("")


NAMES = ["alice", "bob", "carol", "admin", "editor", "p.sub", "r_sub or True", "d1", "Alice", "王", "a#b", "x:y"]
PATHS_2 = [path for path in PATHS if "\n" not in path] + ["/a/b/c/d", "/v1.0", "/:id", "/a/:id", "/*"]
OBJECTS = ["/a", "/a/", "/a/b", "/a/:id", "/a/:id/b", "/:x/:y", "/a/*", "/:x/*", "/*", "data", "/v1\\.0", "/"]
names = st.sampled_from(NAMES)
departments = st.sampled_from(["d1", "d2", "p.dom"])


@st.composite
def casbin_files(draw: st.DrawFn) -> CasbinFiles:
    """A random model of the subset with a random policy; links only go down the list of names, so there is no cycle."""
    matcher = draw(st.sampled_from([PATTERNS, WIDE, " && ".join(reversed(PATTERNS.split(" && ")))]))
    lines = []
    for _ in range(draw(st.integers(0, 10))):
        subject = draw(st.sampled_from([*NAMES, ANONYMOUS]) if matcher == WIDE else names)
        department = draw(departments | st.just("*") if matcher == WIDE else departments)
        fields = [subject, department, draw(st.sampled_from(OBJECTS)), draw(st.sampled_from(["read", "write"]))]
        lines.append(", ".join(["p", *fields, draw(st.sampled_from(["allow", "allow", "deny"]))]))
    for _ in range(draw(st.integers(0, 8))):
        low, high = sorted(draw(st.lists(st.integers(0, 8), min_size=2, max_size=2, unique=True)))
        lines.append(f"g, {NAMES[low]}, {NAMES[high]}, {draw(departments)}")
    return CasbinFiles(model=model(matcher), policy="\n".join(draw(st.permutations(lines))))


@settings(max_examples=250, deadline=None)
@given(casbin_files(), st.data())
def test_the_subset_answers_as_pycasbin_does(files: CasbinFiles, data: st.DataObject) -> None:
    policies, oracle = load(files), enforcer(files)
    questions = st.tuples(
        names | st.just(ANONYMOUS),
        departments | st.just("d9"),
        st.sampled_from(PATHS_2),
        st.sampled_from(["read", "write"]),
    )
    for question in data.draw(st.lists(questions, min_size=20, max_size=20)):
        # of an empty table pycasbin makes one rule of empty names; our AccessRequest has none
        assert permits(policies, *question) == oracle.enforce(*question), question


@settings(max_examples=150, deadline=None)
@given(worlds, st.data())
def test_an_export_means_the_same_to_pycasbin_and_to_us(world: World, data: st.DataObject) -> None:
    rules, held, inherits, parents = world
    timeless = [give(one.role, one.subject, one.id, department=one.department) for one in held]
    policies = built((rules, timeless, inherits, parents))
    files = export(policies)
    oracle, again = enforcer(files), load(files)
    known = sorted({rule.department for rule in rules} - {"*"})
    assume(known)
    for path in data.draw(st.lists(st.sampled_from(PATHS_2), min_size=5, max_size=5)):
        for subject in ("user:li", "user:wang", ANONYMOUS):
            question = (subject, data.draw(st.sampled_from(known)), path, "read")
            assert permits(policies, *question) == oracle.enforce(*question) == permits(again, *question), question


def test_what_casbin_cannot_say_is_not_exported() -> None:
    for held in (give(clearance=Label.L4), give(expires_at=NOW)):
        with pytest.raises(PolicyInvalid, match="`g1`: "):
            export(PolicySet.build([], [held]))


@settings(max_examples=300, deadline=None)
@given(st.text(), st.text())
def test_whatever_the_text_it_is_loaded_or_refused(first: str, second: str) -> None:
    for files in (CasbinFiles(model=first, policy=second), CasbinFiles(model=model(), policy=first)):
        try:
            load(files)
        except PolicyInvalid:
            pass


def test_the_files_of_an_export_are_read_by_casbins_file_adapter(tmp_path: Path) -> None:
    files = export(load(CasbinFiles(model=model(), policy="p, admin, d1, /a/:id, read, allow\ng, alice, admin, d1")))
    (tmp_path / "model.conf").write_text(files.model)
    (tmp_path / "policy.csv").write_text(files.policy)
    oracle = casbin.Enforcer(str(tmp_path / "model.conf"), str(tmp_path / "policy.csv"))
    assert oracle.enforce("alice", "d1", "/a/7", "read")
    assert not oracle.enforce("bob", "d1", "/a/7", "read")
