"""Where the system's machines are, and what the borders of their zones let through."""

from grading.evidence import ProbeAnswer, ProbeFacts, Status, answer_with


def border_as_compiled(facts: ProbeFacts) -> ProbeAnswer:
    """The live rules are the approved ones, and each approved flow has an owner and an end."""
    border = facts.border()
    if border is None:
        return answer_with(Status.NOT_APPLICABLE, "no-zones")
    if border.drift:
        return answer_with(Status.UNMET, "border-drift", count=len(border.drift), what="; ".join(border.drift)[:200])
    if border.unbounded:
        return answer_with(
            Status.PARTLY, "flows-unbounded", count=len(border.unbounded), what=", ".join(border.unbounded)[:200]
        )
    return answer_with(Status.MET, "border-as-compiled")


def machines_in_zones(facts: ProbeFacts) -> ProbeAnswer:
    """No machine of the system stands in a zone whose ceiling is below the label its data has by the grade."""
    placed = facts.machines()
    if not placed:
        return answer_with(Status.NOT_APPLICABLE, "no-machines")
    low = [f"{one.machine} ({one.zone})" for one in placed if one.ceiling < facts.grade.label]
    if low:
        return answer_with(Status.UNMET, "machines-too-low", count=len(low), which=", ".join(low)[:200])
    return answer_with(Status.MET, "machines-in-zones", count=len(placed))
