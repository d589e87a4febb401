"""The log, what stands behind the rows, and whether anything could be had back."""

import time

from audit.search import Query, search
from audit.verify import verify
from grading.evidence import ProbeAnswer, ProbeFacts, Status, answer_with

_INTEGRATED_SECONDS = 5.0  # a pass takes less than one


def acts_recorded(facts: ProbeFacts) -> ProbeAnswer:
    """Every row that grants, keys, places or opens is what its record says."""
    wrong = facts.contradictions()
    if wrong:
        return answer_with(Status.UNMET, "rows-contradict", count=len(wrong), what="; ".join(wrong[:5]))
    return answer_with(Status.MET, "rows-agree")


def log_intact(facts: ProbeFacts) -> ProbeAnswer:
    """The whole log is recomputed from its files."""
    log = facts.log
    report = verify(log.tiles, spools=log.spools, index=log.index, key=log.key, origin=log.origin)
    if report.status == "intact":
        return answer_with(Status.MET, "log-intact", records=report.records, root=report.root)
    if report.status == "tampered":
        first = report.findings[0]
        return answer_with(
            Status.UNMET, "log-tampered", count=len(report.findings), first=f"{first.kind}: {first.what}"[:200]
        )
    return answer_with(Status.NOT_ASSESSED, "log-unreadable", what=report.findings[-1].what[:200])


def log_goes_on(facts: ProbeFacts) -> ProbeAnswer:
    """The record of this very assessment reaches the log while it is waited for."""
    until = time.monotonic() + _INTEGRATED_SECONDS
    while not search(facts.log.index, Query(request=facts.record)).leaves:
        if time.monotonic() > until:
            return answer_with(Status.UNMET, "log-stands-still", seconds=int(_INTEGRATED_SECONDS))
        time.sleep(0.1)
    return answer_with(Status.MET, "log-goes-on", seconds=int(_INTEGRATED_SECONDS))


def restore_drilled(facts: ProbeFacts) -> ProbeAnswer:
    """The last drill passed, and is not too old; the last backup proves nothing."""
    drilled = facts.last_drill()
    if drilled is None:
        return answer_with(Status.UNMET, "never-drilled")
    at, days = drilled.at.date().isoformat(), drilled.valid_for.days
    if not drilled.passed:
        return answer_with(Status.UNMET, "drill-failed", at=at, record=drilled.record)
    if drilled.at + drilled.valid_for < facts.now:
        return answer_with(Status.UNMET, "drill-too-old", at=at, days=days, record=drilled.record)
    return answer_with(Status.MET, "drill-passed", at=at, days=days, record=drilled.record)
