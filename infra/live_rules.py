"""Two listings of a rule set in nft's JSON, compared: what one has and the other has not, in words; pure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra.data_plane import Deviation

_LONGEST = 200  # characters of one rule, shown
_KINDS = ("table", "chain", "set", "map", "rule", "flowtable", "ct helper", "limit", "quota", "counter")


def differences(found: str, wanted: str) -> list[Deviation]:
    """Return the differences between two listings of `nft --json`, by place.

    Rules are compared with their order, elements without; handles and counts are left out. Raises ValueError for what
    is no listing.
    """
    now, meant = dict(_places(found)), dict(_places(wanted))
    deviations = []
    for where in sorted(now.keys() | meant.keys()):
        have, want = now.get(where, []), meant.get(where, [])
        if have == want:
            continue
        more, less = Counter(have) - Counter(want), Counter(want) - Counter(have)
        deviations += [Deviation(where=where, found=one[:_LONGEST], wanted="") for one in more.elements()]
        deviations += [Deviation(where=where, found="", wanted=one[:_LONGEST]) for one in less.elements()]
        if not more and not less:
            deviations.append(Deviation(where=where, found="another order", wanted="the order compiled"))
    return deviations


def _places(listing: str) -> Iterator[tuple[str, list[str]]]:
    """("chain inet citygate forward", its rules in order), ("set …", its elements sorted), and so on."""
    try:
        entries = json.loads(listing)["nftables"]
    except (KeyError, TypeError) as wrong:
        raise ValueError("not a listing of nft") from wrong
    rules: dict[str, list[str]] = {}
    for entry in entries:
        for kind, body in entry.items():
            if kind == "rule":
                where = f"chain {body['family']} {body['table']} {body['chain']}"
                rules.setdefault(where, []).append(_said(_plain(body["expr"])))
            elif kind in _KINDS:
                where = " ".join((kind, *_name(body)))
                kept = {key: value for key, value in body.items() if key not in ("handle", "elem", "comment")}
                yield f"{where} itself", [_said(kept)]
                yield where, sorted(map(_element, body.get("elem", ())))
    yield from ((f"{where}: rules", each) for where, each in rules.items())


def _name(body: Mapping[str, Any]) -> Iterable[str]:
    return (str(body[key]) for key in ("family", "table", "name") if key in body)


def _element(one: Any) -> str:
    """An element as a person reads it: "br-core . br-ext . tcp . 443 : accept (01J…)"."""
    key, verdict = one if isinstance(one, list) else (one, None)
    comment = ""
    if isinstance(key, dict) and "elem" in key:
        comment, key = key["elem"].get("comment", ""), key["elem"]["val"]
    parts = key["concat"] if isinstance(key, dict) and "concat" in key else [key]
    words = " . ".join(one if isinstance(one, str) else _said(one) for one in parts)
    answer = f" : {next(iter(verdict))}" if isinstance(verdict, dict) else ""
    return f"{words}{answer}" + (f" ({comment})" if comment else "")


def _plain(expressions: Iterable[Any]) -> list[Any]:
    """Without what counts packets."""
    return [{"counter": None} if isinstance(one, dict) and "counter" in one else one for one in expressions]


def _said(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
