"""The nine cells of GB/T 22240-2020 table 1, the rule of the higher, and what follows from a grade."""

import itertools

import pytest

from grading.classify import MATRIX, Grade, Harm, Harmed, classify

TABLE = {  # as the standard prints it: rows are whose interest, columns how badly
    "citizens": (1, 2, 2),
    "society": (2, 3, 4),
    "state": (3, 4, 5),
}
CELLS = [(row, column, TABLE[row][number]) for row in TABLE for number, column in enumerate(Harm)]


@pytest.mark.parametrize(("harmed", "harm", "grade"), CELLS, ids=[f"{r}-{c}" for r, c, _ in CELLS])
def test_a_cell_is_the_standards(harmed: str, harm: Harm, grade: int) -> None:
    assert MATRIX[Harmed(harmed), harm] == grade


def test_the_table_has_nine_cells() -> None:
    assert len(MATRIX) == 9


def test_the_grade_is_the_higher_of_s_and_a() -> None:
    for s, a in itertools.product(range(1, 6), repeat=2):
        assert Grade(s, a).grade == max(s, a)


def test_the_label_is_s_alone() -> None:
    assert int(Grade(3, 2).label) == 3
    assert int(Grade(2, 3).label) == 2


def test_four_answers_lead_to_s3a2() -> None:
    grade = classify(s_harmed=Harmed.SOCIETY, s_harm=Harm.SERIOUS, a_harmed=Harmed.SOCIETY, a_harm=Harm.GENERAL)
    assert (str(grade), grade.grade, grade.recovery_class) == ("S3A2", 3, 4)


def test_more_harm_never_leads_to_a_lower_grade() -> None:
    for harmed in Harmed:
        column = [MATRIX[harmed, harm] for harm in Harm]
        assert column == sorted(column)
    for harm in Harm:
        row = [MATRIX[harmed, harm] for harmed in Harmed]
        assert row == sorted(row)
