"""Keys with versions, the suite of a department, and how often each version was used on a day."""

import sqlalchemy as sa
from alembic import op

from storage.database import Moment

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """The first process that starts afterwards makes version 1 of the platform's key out of what was its only one."""
    op.create_table(
        "key",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("department", sa.String(63), sa.ForeignKey("department.id"), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("usage", sa.String(16), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("created_by", sa.String(40), nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
        sa.UniqueConstraint("department", "name"),
    )
    op.create_table(
        "key_version",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("key", sa.String(26), sa.ForeignKey("key.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("material", sa.LargeBinary, nullable=False),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("active_at", Moment),
        sa.Column("closed_at", Moment),
        sa.Column("retired_at", Moment),
        sa.Column("reference_count", sa.BigInteger),
        sa.Column("counted_at", Moment),
        sa.Column("record", sa.String(26), nullable=False),
        sa.Column("state_record", sa.String(26), nullable=False),
        sa.UniqueConstraint("key", "number"),
    )
    op.create_table(
        "key_suite",
        sa.Column("department", sa.String(63), sa.ForeignKey("department.id"), primary_key=True),
        sa.Column("suite", sa.String(16), nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )
    op.create_table(
        "key_use",
        sa.Column("version", sa.String(40), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("sealed", sa.BigInteger, nullable=False),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("record", sa.String(26)),
    )


def downgrade() -> None:
    """What is sealed under these keys would be lost."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
