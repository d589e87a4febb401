"""Where boxes and arrows of the zone diagram stand: zones in a row, what goes right above, what goes left below."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.zone import Zone

MOST_ZONES = 8  # more are a table only
_WIDTH, _HEIGHT, _GAP, _STEP, _MARGIN = 190, 64, 90, 46, 14


def diagram(zones: Sequence[Zone], flows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """{width, height, boxes: [{id, x, y, width, height, middle}], arrows: [{path, x, y, text}]}; None: too many zones.

    `flows`: rows with `from_zone`, `to_zone`, `protocol`, `port`.
    """
    if not 0 < len(zones) <= MOST_ZONES:
        return None
    place = {zone.id: number for number, zone in enumerate(zones)}
    said: dict[tuple[int, int], list[str]] = {}
    for row in flows:
        if row["from_zone"] in place and row["to_zone"] in place:
            ends = place[row["from_zone"]], place[row["to_zone"]]
            said.setdefault(ends, []).append(f"{row['protocol']} {row['port']}")
    reach = max((abs(a - b) for a, b in said), default=0)
    top = _MARGIN + 24 + _STEP * reach
    boxes = [
        {"id": zone.id, "x": _MARGIN + n * (_WIDTH + _GAP), "y": top, "width": _WIDTH, "height": _HEIGHT}
        for n, zone in enumerate(zones)
    ]
    return {
        "width": 2 * _MARGIN + len(zones) * (_WIDTH + _GAP) - _GAP,
        "height": 2 * top + _HEIGHT,
        "boxes": [box | {"middle": int(str(box["x"])) + _WIDTH // 2} for box in boxes],
        "arrows": [_arrow(ends, texts, top) for ends, texts in sorted(said.items())],
    }


def _arrow(ends: tuple[int, int], texts: Sequence[str], top: int) -> dict[str, Any]:
    """An arc over the boxes, or under them; its height grows with how far it goes."""
    right = ends[0] < ends[1]
    lean = 24 if right else -24
    begin, end = (_MARGIN + n * (_WIDTH + _GAP) + _WIDTH // 2 + lean for n in ends)
    edge = top if right else top + _HEIGHT
    bend = _STEP * abs(ends[0] - ends[1]) * (-1 if right else 1)
    middle = (begin + end) // 2
    more = f" +{len(texts) - 3}" if len(texts) > 3 else ""
    return {
        "path": f"M{begin} {edge}C{begin} {edge + bend} {end} {edge + bend} {end} {edge}",
        "x": middle,
        "y": edge + bend * 3 // 4 + (-6 if right else 16),
        "text": ", ".join(sorted(texts)[:3]) + more,
    }
