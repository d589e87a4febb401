"""The table of controls is whole, or is refused whole."""

import pytest

from grading.assess import CONTROLS
from grading.controls import DOMAINS, read
from grading.errors import ControlsInvalid
from grading.probes import PROBES

ROW = """
[[controls]]
id = "one"
clause = "8.1.4.1 a"
certainty = "seen"
domain = "computing"
from_grade = 1
zh = "一"
en = "one"
"""


def test_every_probe_is_asked_by_a_control_and_twelve_or_more_are_automatic() -> None:
    asked = [control.probe for control in CONTROLS if control.method == "automatic"]
    assert set(asked) == set(PROBES)
    assert len(asked) >= 12


def test_what_only_a_person_can_say_is_listed_too() -> None:
    human = {control.domain for control in CONTROLS if control.method == "human"}
    assert {"physical", "management", "organization", "people", "building", "operation"} <= human <= set(DOMAINS)


def test_a_whole_row_is_read() -> None:
    (control,) = read(ROW, probes=())
    assert (control.id, control.method) == ("one", "human")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ROW + ROW, "twice"),
        (ROW + 'probe = "nothing"', "no probe"),
        (ROW.replace("computing", "cloud"), "domain"),
        (ROW.replace("from_grade = 1", "from_grade = 6"), "grade"),
        (ROW.replace('certainty = "seen"', 'certainty = "surely"'), "certainty"),
        (ROW.replace('en = "one"', ""), "not a table"),
        (ROW + "weight = 3", "not a table"),
        ("controls = 1", "not a table"),
        ("[[controls", "not a table"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(text: str, says: str) -> None:
    with pytest.raises(ControlsInvalid, match=says):
        read(text, probes=PROBES)
