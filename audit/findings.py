"""What a verification found: one finding per thing that does not fit, bounded."""

from dataclasses import dataclass, field

FINDINGS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not fit. `leaf` is given where it is about one record of the log."""

    kind: (
        str  # checkpoint, tile, entries, record, root, gap, order, chain, lost, spool, tail, index, pinned, unreadable
    )
    leaf: int | None
    what: str


@dataclass(slots=True)
class Findings:
    """Takes findings, and keeps the first 100."""

    found: list[Finding] = field(default_factory=list)

    def add(self, kind: str, what: str, leaf: int | None = None) -> None:
        """Note one finding: its kind, what is wrong in words, and the leaf it is about."""
        if len(self.found) < FINDINGS:
            self.found.append(Finding(kind=kind, leaf=leaf, what=what))
