"""What people answer to controls that no probe can judge."""

import sqlalchemy as sa
from alembic import op

from storage.database import Moment

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Nothing is answered by this."""
    op.create_table(
        "control_answer",
        sa.Column("id", sa.String(26), primary_key=True),
        *(sa.Column(name, sa.String(63), nullable=False) for name in ("system", "control")),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("answered_by", sa.String(40), nullable=False),
        sa.Column("answered_at", Moment, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )
    op.create_index("control_answer_of", "control_answer", ["system", "control", "answered_at"])


def downgrade() -> None:
    """What somebody answered for is not forgotten."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
