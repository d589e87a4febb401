"""`bench decisions`: how fast one decision is, how it grows with the rules, and that every answer is right."""

import gc
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from json import dumps
from random import Random
from statistics import mean, median, quantiles
from typing import Any

import casbin
from casbin.model import Model
from casbin.persist.adapters.string_adapter import StringAdapter

from authz.casbin_model import CasbinFiles, load
from authz.decide import decide
from authz.hierarchy import EVERYWHERE, Inheritance
from authz.label import Label
from authz.policy import Assignment, PolicySet, Rule
from authz.request import AccessRequest, Effect
from loadtests.baselines import brute_force

SEED = 20261121
COMPARED = 5_000
REQUESTS = 10_000
WARM = 1_000  # requests asked again and again, as open sessions do; cold are REQUESTS different ones
ROUNDS = 7
ACTIONS = ("read", "write", "approve", "export", "role:assign")
PATTERNS = ("/{s}/files/{n}", "/{s}/files/{n}", "/{s}/:kind/{n}", "/{s}/area-{n}/*", "/{s}/:kind/{n}/notes/:note")
TIERS, LINES = 4, 3  # roles of a department: three lines of four tiers, each inheriting the next
AT = datetime(2026, 6, 1, tzinfo=UTC)

# the cheapest comparison first: pycasbin evaluates the matcher for every line
MODEL = """[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act, eft
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.dom == p.dom && r.act == p.act && keyMatch2(r.obj, p.obj) && g(r.sub, p.sub, r.dom)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededLaw:
    """Seeded data of one size."""

    rules: list[Rule]
    assignments: list[Assignment]
    inherits: list[Inheritance]
    requests: list[AccessRequest]


def city(random: Random, *, rules: int, departments: int) -> SeededLaw:
    """As many subjects as rules, twice the assignments, 2 % deny rules; two of five requests are permitted."""

    def role() -> str:
        return f"role-{random.randrange(LINES)}.{random.randrange(TIERS)}"

    def path(pattern: str) -> str:
        return pattern.format(s=f"system-{random.randrange(5)}", n=random.randrange(100))

    said = [
        Rule(
            id=f"p{n}",
            subject=role(),
            department=f"department-{random.randrange(departments)}",
            object=path(random.choice(PATTERNS)),
            action=random.choice(ACTIONS),
            effect=Effect.DENY if random.random() < 0.02 else Effect.PERMIT,
        )
        for n in range(rules)
    ]
    held = [
        Assignment(
            id=f"g{n}",
            subject=f"user:{random.randrange(rules)}",
            role=role(),
            department=f"department-{random.randrange(departments)}",
            clearance=Label(random.randint(2, 5)),
        )
        for n in range(2 * rules)
    ]
    inherits = [
        Inheritance(role=f"role-{line}.{tier}", inherits=f"role-{line}.{tier + 1}", department=f"department-{n}")
        for n in range(departments)
        for line in range(LINES)
        for tier in range(TIERS - 1)
    ]
    return SeededLaw(rules=said, assignments=held, inherits=inherits, requests=_requests(random, said, held))


def _requests(random: Random, rules: list[Rule], held: list[Assignment]) -> list[AccessRequest]:
    """Three of four ask for something a role of the subject's line is named for, in the department it is held in."""
    by_place = defaultdict(list)
    for rule in rules:
        by_place[rule.department, rule.subject.split(".")[0]].append(rule)
    requests = []
    for n in range(REQUESTS):
        one = random.choice(held)
        near = by_place[one.department, one.role.split(".")[0]]
        rule = random.choice(near if near and random.random() < 0.75 else rules)
        path = rule.object.replace(":kind", "files").replace(":note", "7").replace("*", f"x/{n}")
        label, ceiling = Label(random.choice((1, 1, 2, 2, 3, 4))), Label(random.choice((2, 3, 3, 4, 5)))
        asked = AccessRequest(
            id=f"{n}", at=AT, subject=one.subject, department=one.department, object=path, action=rule.action,
            label=label, ceiling=ceiling,
        )  # fmt: skip
        requests.append(asked)
    return requests


def against_pycasbin(small: SeededLaw) -> tuple[int, int, float]:
    """Decisions compared on the same file, mismatches, and pycasbin's mean µs. Casbin has no labels: all at label 1."""
    words = {Effect.PERMIT: "allow", Effect.DENY: "deny"}
    lines = [f"p, {r.subject}, {r.department}, {r.object}, {r.action}, {words[r.effect]}" for r in small.rules]
    lines += [f"g, {a.subject}, {a.role}, {a.department}" for a in small.assignments]
    lines += [f"g, {e.role}, {e.inherits}, {e.department}" for e in small.inherits]
    logging.getLogger("casbin").setLevel(logging.ERROR)
    model = Model()
    model.load_model_from_text(MODEL)
    enforcer = casbin.Enforcer(model, StringAdapter("\n".join(lines)))
    ours = load(CasbinFiles(model=MODEL, policy="\n".join(lines)))
    wrong, spent = 0, 0.0
    for asked in small.requests[:COMPARED]:
        began = time.perf_counter()
        theirs = enforcer.enforce(asked.subject, asked.department, asked.object, asked.action)
        spent += time.perf_counter() - began
        request = replace(asked, label=Label.L1, ceiling=Label.L5)
        wrong += (decide(ours, request).effect is Effect.PERMIT) != theirs
    return COMPARED, wrong, spent / COMPARED * 1e6


def against_brute_force(large: SeededLaw, policies: PolicySet) -> tuple[int, int]:
    """Decisions compared with a loop over all rules of the department, and mismatches; effect and reason."""
    by_department, by_subject, edges = defaultdict(list), defaultdict(list), defaultdict(list)
    for rule in large.rules:
        by_department[rule.department].append(rule)
    for one in large.assignments:
        by_subject[one.subject].append(one)
    for edge in large.inherits:
        edges[edge.department].append(edge)
    wrong = 0
    for asked in large.requests[:COMPARED]:
        here = by_department[asked.department] + by_department[EVERYWHERE]
        reason = brute_force.answer(here, by_subject[asked.subject], edges[asked.department], {}, asked)
        wrong += decide(policies, asked).reason != reason
    return COMPARED, wrong


def microseconds(policies: PolicySet, requests: list[AccessRequest]) -> dict[str, float]:
    """Mean of a whole pass; p50, p99 and maximum of single decisions in another."""
    clock, times = time.perf_counter, []
    began = clock()
    for request in requests:
        decide(policies, request)
    whole = clock() - began
    for request in requests:
        began = clock()
        decide(policies, request)
        times.append(clock() - began)
    cuts = quantiles(times, n=100)
    figures = {"mean": whole / len(requests), "p50": cuts[49], "p99": cuts[98], "max": max(times)}
    return {key: seconds * 1e6 for key, seconds in figures.items()}


def speed(cities: dict[str, SeededLaw], sets: dict[str, PolicySet], count: int) -> dict[str, Any]:
    """Both sizes in turn, ROUNDS times over the first `count` requests; medians, and the median growth of the mean."""
    rounds = [{size: microseconds(sets[size], cities[size].requests[:count]) for size in cities} for _ in range(ROUNDS)]
    medians = {size: {key: median(each[size][key] for each in rounds) for key in rounds[0][size]} for size in cities}
    return {**medians, "growth": median(each["100k"]["mean"] / each["1k"]["mean"] for each in rounds)}


def _timed(call: Callable[[], PolicySet]) -> tuple[PolicySet, float]:
    gc.collect()
    began = time.perf_counter()
    return call(), time.perf_counter() - began


def measure() -> dict[str, Any]:
    """Everything the command prints."""
    random = Random(SEED)
    cities = {"1k": city(random, rules=1_000, departments=10), "100k": city(random, rules=100_000, departments=200)}
    sets, loads = {}, {}
    for size, one in cities.items():
        sets[size], loads[size] = _timed(
            lambda one=one: PolicySet.build(one.rules, one.assignments, inherits=one.inherits)  # type: ignore[misc]
        )
    cold, warm = speed(cities, sets, REQUESTS), speed(cities, sets, WARM)
    examined = {size: [sets[size].matching(r).examined for r in one.requests] for size, one in cities.items()}
    theirs, wrong_small, pycasbin_us = against_pycasbin(cities["1k"])
    brute, wrong_large = against_brute_force(cities["100k"], sets["100k"])
    subject = cities["100k"].assignments[0].subject
    _, change = _timed(lambda: sets["100k"].with_subject(subject, (), version=2))
    return {
        "compared": theirs + brute,
        "compared_with": {"pycasbin_1k": theirs, "brute_force_100k": brute},
        "mismatches": wrong_small + wrong_large,
        "us": {"warm": warm, "cold": cold, "pycasbin_1k_mean": pycasbin_us, "change_100k": change * 1e6},
        "load_s": loads,
        "candidates": {size: {"mean": mean(seen), "max": max(seen)} for size, seen in examined.items()},
        "permitted": {
            size: mean(decide(sets[size], r).effect is Effect.PERMIT for r in one.requests)
            for size, one in cities.items()
        },
        "ratios": {
            "growth_100k": warm["growth"],
            "growth_100k_cold": cold["growth"],
            "vs_pycasbin_1k": pycasbin_us / warm["1k"]["mean"],
        },
    }


def main(json: bool) -> int:
    """Print the figures; 1 if one decision was wrong."""
    seen = measure()
    if json:
        print(dumps(seen, indent=2))
    else:
        for size, load_s in seen["load_s"].items():
            warm, cold = seen["us"]["warm"][size], seen["us"]["cold"][size]
            print(f"{size} rules: mean {warm['mean']:.1f} µs, p50 {warm['p50']:.1f}, p99 {warm['p99']:.1f}", end="; ")
            print(f"cold {cold['mean']:.1f}, p99 {cold['p99']:.1f}; loaded in {load_s:.2f} s", end="; ")
            print(f"{seen['candidates'][size]['mean']:.1f} candidates a decision")
        growth = seen["ratios"]
        print(f"from 1k to 100k rules: {growth['growth_100k']:.2f} ×, cold {growth['growth_100k_cold']:.2f} ×")
        print(f"pycasbin, 1k rules: {seen['us']['pycasbin_1k_mean']:.0f} µs, {seen['ratios']['vs_pycasbin_1k']:.0f} ×")
        print(f"{seen['compared']} decisions compared, {seen['mismatches']} wrong")
    return 1 if seen["mismatches"] else 0
