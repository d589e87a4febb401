"""`bench gateway`: requests per second and CPU per request at the door, beside nginx alone and two naive baselines.

All cases in turn, ROUNDS times. CPU is that of all processes of ours, what they do a second later included, for each
request that the upstream answered. A 503 of a city that had no time to renew its lease is counted, and is no service.

JSON: `cases.NAME` with `requests_per_s`, `cpu_ms` (of ours, for each request), `apart_cpu_ms.PROGRAM` (nginx in front,
postgres, redis), `p50_ms`, `p99_ms`, each with `median`, `min` and `max` over the rounds; `statuses`, `errors`: counts.
NAME: `plain_nginx`, `naive_proxy`, `naive_auth`, and the ways of the profile: `inline` (through nginx on the stack),
`inline_nginx` (embedded alone), `forward_auth`, each also with `_label12` and `_label3`: the routes of these labels.
`ratios.WAY_vs_naive`: requests for each CPU second, ours to the naive one's in the same round: above 1 ours is better;
`…_whole` counts on both sides what is told apart too. `controls`: what came of good and bad credentials. `ok`.
"""

import http.client
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from idp.session import COOKIE
from loadtests import tokens
from loadtests.filling import GATED, INLINE, CitySize, paths
from loadtests.meter import CONNECTIONS, VISIT_REQUESTS, Measured, Target, load, need
from loadtests.running import MARK, baselines, upstream
from loadtests.world import PROFILES, CityEntrance

ROUNDS = 3
SECONDS = 4
WARM_SECONDS = 1
_TRIES, _TRY_SECONDS = 20, 0.25
_SAID = {True: "answered", False: "refused"}
SIZE = CitySize()
LABELS = {"": (1, 2, 3), "_label12": (1, 2), "_label3": (3,)}
PAIRS = {"inline": "naive_proxy", "inline_nginx": "naive_proxy", "forward_auth": "naive_auth"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is loaded, and the credentials of which nothing may come."""

    target: Target
    refused: Sequence[str] = ()


def measure(profile: str) -> dict[str, Any]:
    """Everything the command prints. Raises CannotMeasure, CannotStart."""
    need("nginx", "wrk")
    with TemporaryDirectory(prefix="citygate-bench-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        behind = stack.enter_context(upstream(folder / "upstream"))
        entrances = stack.enter_context(PROFILES[profile](folder, SIZE, behind)).entrances
        cases = {**_peers(stack, folder, behind), **_ours(entrances)}
        controls = [asked for case in cases.values() for asked in control(case)]
        for case in cases.values():
            load(case.target, seconds=WARM_SECONDS)
        rounds = [{name: load(case.target, seconds=SECONDS) for name, case in cases.items()} for _ in range(ROUNDS)]
        controls += [asked for case in cases.values() for asked in control(case)]
    return {
        "profile": profile,
        "world": {"rules": SIZE.rules, "sessions": SIZE.sessions, "routes": SIZE.routes, "recording": True},
        "method": {"connections": CONNECTIONS, "seconds": SECONDS, "rounds": ROUNDS, "visit_requests": VISIT_REQUESTS},
        "cases": {name: _figures([each[name] for each in rounds]) for name in cases},
        "controls": dict(Counter(controls)),
        "ratios": _ratios(rounds),
        "ok": _is_ok(rounds, controls),
    }


def _peers(stack: ExitStack, folder: Path, behind: int) -> dict[str, Case]:
    """Only nginx, Flask + requests as a proxy, Flask + PyJWT behind auth_request."""
    signed = tokens.make(folder)
    started = baselines(folder / "baselines", upstream_port=behind, public_key=signed.public_key)
    ports, pids = stack.enter_context(started)

    def target(name: str, *, ours: Sequence[str] = (), apart: Sequence[str] = ()) -> Target:
        return Target(
            port=ports[name], host="baseline.localhost", paths=paths(SIZE), credentials=signed.credentials,
            ours=[pids[one] for one in ours], apart={one: [pids[one]] for one in apart},
        )  # fmt: skip

    return {
        "plain_nginx": Case(target=target("plain", apart=["nginx"])),
        "naive_proxy": Case(target=target("naive_proxy", ours=["naive_proxy"])),
        "naive_auth": Case(target=target("guarded", ours=["naive_auth"], apart=["nginx"]), refused=signed.refused),
    }


def _ours(entrances: Mapping[str, CityEntrance]) -> dict[str, Case]:
    """Each way into the city: all routes, those of labels 1 and 2, those of label 3."""
    cookies = {name: way.cookies.read_text().splitlines() for name, way in entrances.items()}
    other = {INLINE: cookies["forward_auth"][0], GATED: cookies["inline"][0]}
    cases = {}
    for name, way in entrances.items():
        elsewhere = other[way.host.partition(".")[0]]  # a cookie is good on the host it was given for
        forged = [f"Cookie: {COOKIE}={text}" for text in (secrets.token_urlsafe(32), "x", "", cookies[name][0][-42:])]
        for suffix, labels in LABELS.items():
            target = Target(
                port=way.port, host=way.host, paths=paths(SIZE, labels=labels), credentials=way.cookies,
                ours=way.ours, apart=way.apart,
            )  # fmt: skip
            cases[name + suffix] = Case(target=target, refused=["X-None: 1", elsewhere, *forged])
    return cases


def control(case: Case) -> list[str]:
    """Ask with a good credential, until the city has room, and once with each bad one; say what was answered."""
    good = case.target.credentials.read_text().partition("\n")[0]
    tries = 0
    while not (answered := _reaches_upstream(case.target, good)) and tries < _TRIES:
        time.sleep(_TRY_SECONDS)
        tries += 1
    bad = [_reaches_upstream(case.target, line) for line in case.refused]
    return [f"good: {_SAID[answered]}", *(f"bad: {_SAID[one]}" for one in bad)]


def _reaches_upstream(target: Target, line: str) -> bool:
    name, _, value = line.partition(": ")
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=30)
    try:
        connection.request("GET", target.paths[0], headers={"Host": target.host, name: value})
        answer = connection.getresponse()
        return answer.status == 200 or MARK.encode() in answer.read()
    finally:
        connection.close()


def _figures(runs: Sequence[Measured]) -> dict[str, Any]:
    """One case, over all rounds."""

    def spread(of: Callable[[Measured], float]) -> dict[str, float]:
        values = [of(run) for run in runs]
        return {"median": round(median(values), 4), "min": round(min(values), 4), "max": round(max(values), 4)}

    return {
        "requests_per_s": spread(lambda run: run.served_count / run.seconds),
        "cpu_ms": spread(_cpu_ms),
        "apart_cpu_ms": {
            name: spread(lambda run, name=name: 1000 * run.apart_cpu_seconds[name] / max(run.served_count, 1))  # type: ignore[misc]
            for name in runs[0].apart_cpu_seconds
        },
        "p50_ms": spread(lambda run: run.p50_ms),
        "p99_ms": spread(lambda run: run.p99_ms),
        "statuses": dict(sum((Counter(run.statuses) for run in runs), Counter())),
        "errors": dict(sum((Counter(run.errors) for run in runs), Counter())),
    }


def _cpu_ms(run: Measured) -> float:
    return 1000 * run.cpu_seconds / max(run.served_count, 1)


def _whole_cpu_ms(run: Measured) -> float:
    return 1000 * (run.cpu_seconds + sum(run.apart_cpu_seconds.values())) / max(run.served_count, 1)


def _ratios(rounds: Sequence[Mapping[str, Measured]]) -> dict[str, float]:
    """Medians over the rounds; `_whole` counts what is told apart too, on both sides."""
    found = {}
    for ours, naive in PAIRS.items():
        for suffix in LABELS:
            if ours + suffix in rounds[0]:
                each = [(one[naive], one[ours + suffix]) for one in rounds]
                name = f"{ours}_vs_naive{suffix}"
                found[name] = median(_cpu_ms(theirs) / max(_cpu_ms(mine), 1e-9) for theirs, mine in each)
                found[f"{name}_whole"] = median(
                    _whole_cpu_ms(theirs) / max(_whole_cpu_ms(mine), 1e-9) for theirs, mine in each
                )
    return {name: round(ratio, 3) for name, ratio in found.items()}


def _is_ok(rounds: Sequence[Mapping[str, Measured]], controls: Sequence[str]) -> bool:
    """Every answer was the upstream's or a refusal for now (503), and nothing came of a bad credential."""
    runs = [run for each in rounds for run in each.values()]
    whole = all(run.served_count and set(run.statuses) <= {"200", "503"} and not run.errors for run in runs)
    return whole and set(controls) == {"good: answered", "bad: refused"}


def main(json: bool, profile: str = "embedded") -> int:
    """Print the figures; 1 if an answer was not what it had to be."""
    seen = measure(profile)
    if json:
        print(dumps(seen, indent=2))
    else:
        for name, each in seen["cases"].items():
            rate, cpu = each["requests_per_s"], each["cpu_ms"]
            apart = "".join(f", {one} {ms['median']:.3f}" for one, ms in each["apart_cpu_ms"].items())
            print(f"{name:22} {rate['median']:7.0f}/s ({rate['min']:.0f}–{rate['max']:.0f})", end="  ")
            print(f"CPU {cpu['median']:.3f} ms ({cpu['min']:.3f}–{cpu['max']:.3f}){apart}", end="  ")
            print(f"p50 {each['p50_ms']['median']:.0f}, p99 {each['p99_ms']['median']:.0f} ms  {each['statuses']}")
        for name, ratio in seen["ratios"].items():
            print(f"{name} {ratio:.2f}")
        print(f"controls {seen['controls']}")
    return 0 if seen["ok"] else 1
