"""The spine: departments, people, sessions, keys; systems, rules, assignments, mandates to grant; parked requests."""

import sqlalchemy as sa
from alembic import op

from storage.database import Moment

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Every row that grants, keys or opens names its record (`record`)."""
    _identity()
    _authorization()


def _identity() -> None:
    op.create_table(
        "department",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("parent", sa.String(63), sa.ForeignKey("department.id")),
        sa.Column("name_zh", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("iss", sa.Text, nullable=False),
        sa.Column("sub", sa.Text, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("department", sa.String(63), sa.ForeignKey("department.id")),
        sa.Column("not_before", Moment, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
        sa.UniqueConstraint("iss", "sub"),
    )
    op.create_index("person_department_name", "person", ["department", "name", "id"])
    op.create_table(
        "session",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("person", sa.String(40), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("iss", sa.Text, nullable=False),
        sa.Column("sid", sa.Text, nullable=False),
        sa.Column("assurance", sa.Integer, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
        sa.Column("id_token", sa.LargeBinary, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
        sa.Column("end_record", sa.String(26)),
    )
    op.create_index("session_person", "session", ["person", "ended_at"])
    op.create_index("session_sid", "session", ["iss", "sid"])
    op.create_table(
        "host_session",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("session", sa.String(26), sa.ForeignKey("session.id"), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
    )
    op.create_index("host_session_session", "host_session", ["session"])
    op.create_table(
        "access_key",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("assurance", sa.Integer, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )


def _authorization() -> None:
    op.create_table(
        "system",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("department", sa.String(63), sa.ForeignKey("department.id"), nullable=False),
        sa.Column("name_zh", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("label", sa.Integer, nullable=False),
    )
    op.create_table(
        "role",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("name_zh", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("allows_zh", sa.Text, nullable=False),
        sa.Column("allows_en", sa.Text, nullable=False),
    )
    op.create_table(
        "rule",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("subject", sa.String(63), nullable=False),
        sa.Column("department", sa.String(63), nullable=False),
        sa.Column("object", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("effect", sa.String(8), nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("role", sa.String(63), sa.ForeignKey("role.id"), nullable=False),
        sa.Column("department", sa.String(63), sa.ForeignKey("department.id"), nullable=False),
        sa.Column("clearance", sa.Integer, nullable=False),
        sa.Column("expires_at", Moment),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("given_by", sa.String(40), nullable=False),
        sa.Column("given_at", Moment, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
        sa.Column("revoked_by", sa.String(40)),
        sa.Column("revoked_at", Moment),
        sa.Column("revoke_record", sa.String(26)),
    )
    op.create_index("assignment_subject", "assignment", ["subject", "revoked_at"])
    op.create_table(
        "may_grant",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("role", sa.String(63), sa.ForeignKey("role.id"), nullable=False),
        sa.Column("department", sa.String(63), sa.ForeignKey("department.id"), nullable=False),
        sa.Column("ceiling", sa.Integer, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )
    op.create_index("may_grant_subject", "may_grant", ["subject"])
    op.create_table(
        "parked",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("missing", sa.String(16), nullable=False),
        sa.Column("parked_at", Moment, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )
    op.create_index("parked_subject", "parked", ["subject"])
    op.create_table(
        "seal",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sealed_at", Moment, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )


def downgrade() -> None:
    """There is nothing before the first version."""
    raise RuntimeError("the first version cannot be undone: restore a backup instead")
