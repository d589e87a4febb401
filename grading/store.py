"""This package's tables: every grade a system ever had, every assessment of it, and what people answered."""

import sqlalchemy as sa

from storage.actions import Action
from storage.database import Moment, metadata

grade = sa.Table(
    "grade",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("system", sa.String(63)),
    sa.Column("s", sa.Integer),
    sa.Column("a", sa.Integer),
    sa.Column("s_harmed", sa.String(16)),
    sa.Column("s_harm", sa.String(16)),
    sa.Column("a_harmed", sa.String(16)),
    sa.Column("a_harm", sa.String(16)),
    sa.Column("basis", sa.Text),
    sa.Column("proposed_by", sa.String(40)),
    sa.Column("approved_by", sa.String(40)),
    sa.Column("proposed_at", Moment),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "acts": (Action.GRADE_PROPOSE,)},
)
assessment = sa.Table(
    "assessment",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("system", sa.String(63)),
    sa.Column("s", sa.Integer),
    sa.Column("a", sa.Integer),
    sa.Column("run_by", sa.String(40)),
    sa.Column("run_at", Moment),
    sa.Column("findings", sa.Text),  # JSON
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "acts": (Action.ASSESS_RUN,)},
)
control_answer = sa.Table(
    "control_answer",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("system", sa.String(63)),
    sa.Column("control", sa.String(63)),
    sa.Column("status", sa.String(16)),
    sa.Column("reason", sa.Text),
    sa.Column("expires_at", Moment),
    sa.Column("answered_by", sa.String(40)),
    sa.Column("answered_at", Moment),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "acts": (Action.ASSESS_ANSWER,)},
)
