"""From four answers to a grade: whose interest is harmed and how badly, for S and for A (GB/T 22240-2020 §6).

S is the safety of business information (业务信息安全), A that of the service (系统服务安全); the grade is the higher.
The result is a proposal: experts review it and the competent department approves it, outside this product.
"""

from dataclasses import dataclass
from enum import StrEnum

from authz.label import Label
from backup.plan import plan_for


class Harmed(StrEnum):
    """The object that a failure would harm (受侵害的客体)."""

    CITIZENS = "citizens"  # rights and interests of citizens, legal persons and other organizations
    SOCIETY = "society"  # social order and public interest
    STATE = "state"  # national security


class Harm(StrEnum):
    """How badly (侵害程度)."""

    GENERAL = "general"
    SERIOUS = "serious"
    GRAVE = "grave"  # 特别严重


MATRIX: dict[tuple[Harmed, Harm], int] = {
    (Harmed.CITIZENS, Harm.GENERAL): 1,
    (Harmed.CITIZENS, Harm.SERIOUS): 2,
    (Harmed.CITIZENS, Harm.GRAVE): 2,
    (Harmed.SOCIETY, Harm.GENERAL): 2,
    (Harmed.SOCIETY, Harm.SERIOUS): 3,
    (Harmed.SOCIETY, Harm.GRAVE): 4,
    (Harmed.STATE, Harm.GENERAL): 3,
    (Harmed.STATE, Harm.SERIOUS): 4,
    (Harmed.STATE, Harm.GRAVE): 5,
}
"""Table 1 of GB/T 22240-2020; the draft of 2018 had a 3 where harm to citizens is grave."""


@dataclass(frozen=True, slots=True)
class Grade:
    """S and A, each 1–5."""

    s: int
    a: int

    @property
    def grade(self) -> int:
        """The system's grade (等级): the higher of the two."""
        return max(self.s, self.a)

    @property
    def label(self) -> Label:
        """What the system's objects are labelled unless a route says otherwise, and so the ceiling its zone needs."""
        return Label(self.s)

    @property
    def recovery_class(self) -> int:
        """Recovery capability that the system's backups are held to (GB/T 20988-2007), by the plan of its grade."""
        return plan_for(self.grade).recovery_class

    def __str__(self) -> str:
        return f"S{self.s}A{self.a}"


def classify(*, s_harmed: Harmed, s_harm: Harm, a_harmed: Harmed, a_harm: Harm) -> Grade:
    """The grade four answers lead to."""
    return Grade(s=MATRIX[s_harmed, s_harm], a=MATRIX[a_harmed, a_harm])
