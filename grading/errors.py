"""What can go wrong when a system is graded or assessed.

GradingError
├── SystemUnknown      no such system
├── BasisMissing       an answer of the grading, or its reason, is missing or means nothing
├── Ungraded           a system without a grade has no controls to be held to
├── ControlUnknown     the system's grade asks for no such control
├── ControlMeasured    a probe judges this control, so nobody answers it
├── ControlsInvalid    the table of controls contradicts itself
├── AssessmentUnknown  no such assessment of this system
└── ReportUnavailable  the report cannot be typeset here; the message says what is missing
"""


class GradingError(Exception):
    """Base of everything this package raises."""

    code = "grading"


class SystemUnknown(GradingError):
    """There is no system of this name."""

    code = "system-unknown"


class BasisMissing(GradingError):
    """A grade is proposed from four answers and a reason; `field` names the one that is missing."""

    code = "basis-missing"

    def __init__(self, field: str) -> None:
        super().__init__(f"`{field}` is missing or is none of the answers")
        self.field = field


class Ungraded(GradingError):
    """Grade it first."""

    code = "system-ungraded"


class ControlUnknown(GradingError):
    """No control of this name is asked of the system."""

    code = "control-unknown"


class ControlMeasured(GradingError):
    """What is measured is not a matter of opinion."""

    code = "control-measured"


class ControlsInvalid(GradingError):
    """The controls are data, and this row of it cannot be used."""

    code = "controls-invalid"


class AssessmentUnknown(GradingError):
    """This system has no assessment of this number."""

    code = "assessment-unknown"


class ReportUnavailable(GradingError):
    """What typesets the report is not here."""

    code = "report-unavailable"
