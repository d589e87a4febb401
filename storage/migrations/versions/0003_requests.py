"""A parked request may wait for a second person: what it is for, who decided on it, and until when it is kept."""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

from storage.database import Moment

revision = "0003"
down_revision = "0002"

_KEPT_BEFORE = timedelta(minutes=15)  # all of them, until this version


def upgrade() -> None:
    """Requests that are parked now stay as long as they were to stay."""
    for name in ("object", "action", "approve_action", "reason"):
        op.add_column("parked", sa.Column(name, sa.Text, nullable=False, server_default=""))
    for name, characters in (("department", 63), ("verdict", 8), ("digest", 64)):
        op.add_column("parked", sa.Column(name, sa.String(characters), nullable=False, server_default=""))
    op.add_column("parked", sa.Column("label", sa.Integer, nullable=False, server_default="0"))
    for column in (
        sa.Column("expires_at", Moment),
        sa.Column("decided_by", sa.String(40)),
        sa.Column("decided_at", Moment),
        sa.Column("decide_record", sa.String(26)),
        sa.Column("approval", sa.LargeBinary),
        sa.Column("taken_at", Moment),
        sa.Column("take_record", sa.String(26)),
    ):
        op.add_column("parked", column)
    parked = sa.table(
        "parked", sa.column("id", sa.String), sa.column("parked_at", Moment), sa.column("expires_at", Moment)
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(parked.c.id, parked.c.parked_at)).all():
        until = {"expires_at": row.parked_at + _KEPT_BEFORE}
        connection.execute(sa.update(parked).where(parked.c.id == row.id).values(until))
    op.create_index("parked_missing", "parked", ["missing", "verdict", "id"])
    op.create_index("parked_decided_by", "parked", ["decided_by", "id"])


def downgrade() -> None:
    """Who approved what does not fit into the version before."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
