"""Systems have a grade with its history, and assessments.

A system that has no grade yet keeps the label it was founded with.
"""

import sqlalchemy as sa
from alembic import op

from storage.database import Moment

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing is graded by this."""
    op.add_column("system", sa.Column("s", sa.Integer))
    op.add_column("system", sa.Column("a", sa.Integer))
    op.create_table(
        "grade",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("system", sa.String(63), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("s", "a")),
        *(sa.Column(name, sa.String(16), nullable=False) for name in ("s_harmed", "s_harm", "a_harmed", "a_harm")),
        sa.Column("basis", sa.Text, nullable=False),
        sa.Column("proposed_by", sa.String(40), nullable=False),
        sa.Column("approved_by", sa.String(40), nullable=False),
        sa.Column("proposed_at", Moment, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )
    op.create_index("grade_system", "grade", ["system", "proposed_at"])
    op.create_table(
        "assessment",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("system", sa.String(63), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("s", "a")),
        sa.Column("run_by", sa.String(40), nullable=False),
        sa.Column("run_at", Moment, nullable=False),
        sa.Column("findings", sa.Text, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )
    op.create_index("assessment_system", "assessment", ["system", "run_at"])


def downgrade() -> None:
    """A grade that was decided is not forgotten."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
