"""Controls as data: what a system of a grade is held to, checked whole when it is read."""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from grading.errors import ControlsInvalid

DOMAINS = (
    "physical", "network", "border", "computing", "centre",
    "management", "organization", "people", "building", "operation",
)  # fmt: skip
"""The ten of GB/T 22239-2019 in its order: 安全物理环境 … 安全运维管理."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One thing to hold to; `probe` names what measures it, "" where only a person can say."""

    id: str
    clause: str
    certainty: str  # "seen", "order": of the clause's number
    domain: str
    from_grade: int
    zh: str
    en: str
    probe: str = ""

    @property
    def method(self) -> str:
        """How it is answered: `automatic` or `human`."""
        return "automatic" if self.probe else "human"


def read(text: str, *, probes: Collection[str]) -> tuple[Control, ...]:
    """The controls in `text` (TOML). Raises ControlsInvalid for a probe there is not, or a row that is not whole."""
    try:
        rows: list[dict[str, Any]] = tomllib.loads(text)["controls"]
        controls = tuple(Control(**row) for row in rows)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as failure:
        raise ControlsInvalid(f"not a table of controls: {failure}") from failure
    seen: set[str] = set()
    for control in controls:
        if control.id in seen:
            raise ControlsInvalid(f"control `{control.id}` is there twice")
        if control.probe and control.probe not in probes:
            raise ControlsInvalid(f"control `{control.id}`: there is no probe `{control.probe}`")
        if (
            control.domain not in DOMAINS
            or not 1 <= control.from_grade <= 5
            or control.certainty not in ("seen", "order")
        ):
            raise ControlsInvalid(f"control `{control.id}` has an unknown domain, grade or certainty")
        seen.add(control.id)
    return controls
