"""Casbin files: the documented subset is loaded unchanged and exported, the rest is refused by name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from casbin.model import Model

from authz.errors import PolicyInvalid
from authz.hierarchy import EVERYWHERE, Inheritance
from authz.label import Label
from authz.pattern import check_name, segments_of
from authz.policy import Assignment, PolicySet, Rule
from authz.request import ANONYMOUS, Effect

_ALLOW = "some(where (p_eft == allow))"
_ALLOW_AND_DENY = "some(where (p_eft == allow)) && !some(where (p_eft == deny))"

_EXACT, _PATTERN, _ANY_DEPARTMENT, _EVERYBODY = "exact", "pattern", "any department", "everybody"
# Every term a matcher may be joined from with `&&`, in any order, one of each kind.
_TERMS = {
    "g(r.sub, p.sub, r.dom)": ("subject", ""),
    f'(g(r.sub, p.sub, r.dom) || p.sub == "{ANONYMOUS}")': ("subject", _EVERYBODY),
    "r.dom == p.dom": ("department", ""),
    f'(r.dom == p.dom || p.dom == "{EVERYWHERE}")': ("department", _ANY_DEPARTMENT),
    "r.obj == p.obj": ("object", _EXACT),
    "keyMatch2(r.obj, p.obj)": ("object", _PATTERN),
    "r.act == p.act": ("action", ""),
}
_TOKEN = re.compile(r'"[^"]*"|\w+|==|&&|\|\||\S')
_FIELD = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",]*?))\s*(?:(,)|$)')
_REGEX_CHARS = re.compile(r"[.$+]")  # the characters a path may have that keyMatch2 reads as a regular expression
_EFFECTS = {"allow": Effect.PERMIT, "deny": Effect.DENY}
_LINE_CHARS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class CasbinFiles:
    """The text of a model .conf and of a policy .csv."""

    model: str
    policy: str


@dataclass(frozen=True, slots=True)
class _Form:
    """What a model of the subset says about its policy lines."""

    fields: int  # of a p line
    deny: bool  # whether a deny line has an effect
    matcher: frozenset[str]


def _spaced(expression: str) -> str:
    """One spelling of an expression: r.sub as r_sub, as pycasbin stores it, and one blank between tokens."""
    return " ".join(_TOKEN.findall(re.sub(r"\b([rp])\.", r"\1_", expression)))


_SPACED_TERMS = {_spaced(term): meaning for term, meaning in _TERMS.items()}


def load(files: CasbinFiles, *, version: int = 0) -> PolicySet:
    """Compile a model and its policy; ids are `p` or `g` and the line. Casbin knows no clearance: all get label 5.

    Raises PolicyInvalid with the line and the reason for whatever is not in the subset (docs/casbin-subset.md).
    """
    form = _form(files.model)
    rules: list[Rule] = []
    links: list[tuple[int, str, str, str]] = []
    for line, fields in _lines(files.policy):
        try:
            if fields[0] == "p":
                rules.append(_rule(f"p{line}", fields[1:], form))
            elif fields[0] == "g":
                links.append((line, *_link(fields[1:])))
            else:
                raise PolicyInvalid(f"`{fields[0]}` is neither p nor g")
        except PolicyInvalid as invalid:
            raise PolicyInvalid(invalid.reason, line=line) from None
    # Casbin does not tell users from roles: whoever something is assigned to is a role where it is inherited from
    roles = {role for _, _, role, _ in links}
    inherits = [Inheritance(role=s, inherits=r, department=d) for _, s, r, d in links if s in roles]
    assignments = [
        Assignment(id=f"g{line}", subject=s, role=r, department=d, clearance=Label.L5)
        for line, s, r, d in links
        if s not in roles
    ]
    try:
        return PolicySet.build(rules, assignments, inherits=inherits, version=version)
    except PolicyInvalid as invalid:  # what only the whole shows: the hierarchy; its entry is a role
        line = next((line for line, subject, _, _ in links if subject == invalid.entry), 0)
        raise PolicyInvalid(invalid.reason, line=line) from None


def _form(text: str) -> _Form:
    """What kind of model this is. Raises PolicyInvalid."""
    model = Model()
    try:
        model.load_model_from_text(text)
    except (RuntimeError, IndexError) as error:
        raise PolicyInvalid(f"the model cannot be read: {error}") from None
    for section in "rpgem":
        if set(model[section] or ()) != {section}:
            raise PolicyInvalid(f"the model needs exactly one `{section}`", line=_line_of(section, text))
    values = {section: _spaced(model[section][section].value) for section in "rpgem"}
    if values["r"] != _spaced("sub, dom, obj, act"):
        raise _outside("r", text, "sub, dom, obj, act")
    if values["p"] not in (_spaced("sub, dom, obj, act"), _spaced("sub, dom, obj, act, eft")):
        raise _outside("p", text, "sub, dom, obj, act` or `sub, dom, obj, act, eft")
    if values["g"] != _spaced("_, _, _"):
        raise _outside("g", text, "_, _, _")
    if values["e"] not in (_spaced(_ALLOW), _spaced(_ALLOW_AND_DENY)):
        raise _outside("e", text, "some(where (p.eft == allow))` or the same with `&& !some(where (p.eft == deny))")
    return _Form(
        fields=values["p"].count(",") + 1,
        deny=values["e"] == _spaced(_ALLOW_AND_DENY),
        matcher=_matcher(values["m"], text),
    )


def _matcher(expression: str, text: str) -> frozenset[str]:
    kinds: dict[str, str] = {}
    for term in expression.split(" && "):
        kind, meaning = _SPACED_TERMS.get(term, ("", ""))
        if not kind or kind in kinds:
            written = term.replace(" ", "")
            raise PolicyInvalid(f"`{written}` is not in the subset, or said twice", line=_line_of("m", text))
        kinds[kind] = meaning
    if missing := {kind for kind, _ in _TERMS.values()} - kinds.keys():
        raise PolicyInvalid(f"the matcher does not compare the {min(missing)}", line=_line_of("m", text))
    return frozenset(kinds.values())


def _outside(section: str, text: str, allowed: str) -> PolicyInvalid:
    return PolicyInvalid(f"`{section}` must be `{allowed}`", line=_line_of(section, text))


def _line_of(section: str, text: str) -> int:
    """The last line of the model that defines this section, or something like it (`m2`)."""
    defines = re.compile(rf"\s*{section}\d*\s*=")
    return max((number for number, line in enumerate(text.split("\n"), 1) if defines.match(line)), default=0)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line (RFC 4180 quoting, blanks around a field dropped), without comments and empty lines."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if len(line) > _LINE_CHARS:
            raise PolicyInvalid(f"more than {_LINE_CHARS} characters", line=number)
        fields, position, more = [], 0, True
        while more:
            if (field := _FIELD.match(line, position)) is None:
                raise PolicyInvalid("a quote that is not around a whole field", line=number)
            quoted, plain, comma = field.groups()
            fields.append(plain if quoted is None else quoted.replace('""', '"'))
            position, more = field.end(), comma is not None
        yield number, fields


def _rule(identifier: str, fields: list[str], form: _Form) -> Rule:
    if len(fields) != form.fields:
        raise PolicyInvalid(f"{len(fields)} fields after p, the model has {form.fields}")
    subject, department, path, action, *rest = fields
    effect = _EFFECTS.get(rest[0]) if rest else Effect.PERMIT
    if effect is None:
        raise PolicyInvalid(f"effect `{rest[0]}` is neither allow nor deny")
    if effect is Effect.DENY and not form.deny:
        raise PolicyInvalid("a deny line has no effect in this model; add `&& !some(where (p.eft == deny))`")
    check_name(subject, "subject")
    check_name(action, "action")
    if subject == ANONYMOUS and _EVERYBODY not in form.matcher:
        raise PolicyInvalid(f'`{ANONYMOUS}` is everybody; the matcher must say `|| p.sub == "{ANONYMOUS}"`')
    if department != EVERYWHERE or _ANY_DEPARTMENT not in form.matcher:
        check_name(department, "department")
    return Rule(
        id=identifier, subject=subject, department=department, object=_object(path, form), action=action, effect=effect
    )


def _object(path: str, form: _Form) -> str:
    """The pattern that means here what `path` means to the model's matcher. Raises PolicyInvalid."""
    if _EXACT in form.matcher:
        if any(segment == "*" or segment.startswith(":") for segment in segments_of(path)):
            raise PolicyInvalid(f"object `{path}` is a pattern, but the matcher compares exactly")
        return path
    literal = re.sub(r"\\([.$+])", "", path)
    if wild := _REGEX_CHARS.search(literal):
        raise PolicyInvalid(f"`{wild[0]}` in object `{path}` is a regular expression to keyMatch2; write `\\{wild[0]}`")
    pattern = re.sub(r"\\([.$+])", r"\1", path)
    segments_of(pattern)
    return pattern


def _link(fields: list[str]) -> tuple[str, str, str]:
    if len(fields) != 3:
        raise PolicyInvalid(f"{len(fields)} fields after g, the model has 3")
    subject, role, department = fields
    for name, what in ((subject, "subject"), (role, "role"), (department, "department")):
        check_name(name, what)
    if ANONYMOUS in (subject, role):
        raise PolicyInvalid(f"`{ANONYMOUS}` is everybody: it neither holds nor is a role")
    return subject, role, department


_EXPORTED_MODEL = f"""[request_definition]
r = sub, dom, obj, act

[policy_definition]
p = sub, dom, obj, act, eft

[role_definition]
g = _, _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = (r.dom == p.dom || p.dom == "{EVERYWHERE}") && r.act == p.act && keyMatch2(r.obj, p.obj) && \
(g(r.sub, p.sub, r.dom) || p.sub == "{ANONYMOUS}")
"""


def export(policies: PolicySet) -> CasbinFiles:
    """Files with which pycasbin gives the same answers, for every department the set names.

    The department tree is written out. Raises PolicyInvalid for what Casbin cannot say: an expiry, a clearance
    below label 5.
    """
    names = {effect: name for name, effect in _EFFECTS.items()}
    lines = [
        ", ".join(("p", rule.subject, rule.department, _escaped(rule.object), rule.action, names[rule.effect]))
        for rule in policies.rules.values()
    ]
    for subject in policies.subjects():
        for held in policies.assignments_of(subject):
            if held.expires_at is not None or held.clearance is not Label.L5:
                raise PolicyInvalid("Casbin has neither expiry nor clearance", entry=held.id)
    lines += [f"g, {low}, {high}, {department}" for low, high, department in sorted(_written_out(policies))]
    return CasbinFiles(model=_EXPORTED_MODEL, policy="\n".join(lines) + "\n")


def _escaped(pattern: str) -> str:
    return _REGEX_CHARS.sub(r"\\\g<0>", pattern)


def _written_out(policies: PolicySet) -> set[tuple[str, str, str]]:
    """(subject or role, role, department) for every department in which it holds."""
    held = [one for subject in policies.subjects() for one in policies.assignments_of(subject)]
    links = [(one.subject, one.role, one.department) for one in held]
    links += [(edge.role, edge.inherits, edge.department) for edge in policies.inherits]
    known = {rule.department for rule in policies.rules.values()} | {department for _, _, department in links}
    below: dict[str, set[str]] = {}
    for department in (known | policies.chains.keys()) - {EVERYWHERE}:
        for above in (*policies.chain(department), EVERYWHERE):
            below.setdefault(above, set()).add(department)
    return {(low, high, each) for low, high, department in links for each in below.get(department, ())}
