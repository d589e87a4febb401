"""Backups and drills: one row for each, and one at a time."""

import sqlalchemy as sa
from alembic import op

from storage.database import Moment

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "backup_work",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("step", sa.String(63), nullable=False),
        sa.Column("plan", sa.String(63), nullable=False),
        sa.Column("grade", sa.Integer, nullable=False),
        sa.Column("backup", sa.String(26), nullable=False),
        sa.Column("asked_by", sa.String(40), nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
        sa.Column("holder", sa.String(40), nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("beat_at", Moment, nullable=False),
        sa.Column("finished_at", Moment),
        sa.Column("failing", sa.String(63), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("rpo_target_ms", sa.BigInteger, nullable=False),
        sa.Column("rto_target_ms", sa.BigInteger, nullable=False),
        sa.Column("rpo_ms", sa.BigInteger),
        sa.Column("rto_ms", sa.BigInteger),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    running = sa.text("state = 'running'")
    op.create_index(
        "backup_work_one", "backup_work", ["state"], unique=True, sqlite_where=running, postgresql_where=running
    )
    op.create_index("backup_work_kind", "backup_work", ["kind", "id"])


def downgrade() -> None:
    """What was done does not become undone."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
