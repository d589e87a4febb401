"""Several processes and a shared memory: what may be forgotten, the epoch, and sessions that are checked again.

Cookies leave the database's own table, and nobody can tell a new one from an old digest: who was signed in before
this version is signed out by it, and signs in again.
"""

import sqlalchemy as sa
from alembic import op

from storage.database import Moment

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """The sessions' rows stay, ended when they were last used: they name their records."""
    _sessions()
    op.create_table(
        "ephemeral",
        sa.Column("key", sa.String(160), primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
    )
    op.create_index("ephemeral_expires_at", "ephemeral", ["expires_at"])
    op.create_table(
        "epoch_change",
        sa.Column("epoch", sa.BigInteger, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
    )
    op.create_table(
        "gateway",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("grants", sa.BigInteger, nullable=False),
    )
    epoch = op.create_table(
        "epoch",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("known_from", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(epoch, [{"id": 1, "epoch": 0, "known_from": 0}])


def _sessions() -> None:
    op.drop_table("host_session")
    op.add_column("session", sa.Column("hosts", sa.Text, nullable=False, server_default=""))
    op.add_column("session", sa.Column("refresh_token", sa.LargeBinary))
    op.add_column("session", sa.Column("checked_at", Moment))
    session = sa.table(
        "session", sa.column("ended_at", Moment), sa.column("seen_at", Moment), sa.column("id_token", sa.LargeBinary)
    )
    op.execute(sa.update(session).where(session.c.ended_at.is_(None)).values(ended_at=session.c.seen_at, id_token=b""))
    op.create_index("session_ended_at", "session", ["ended_at"])


def downgrade() -> None:
    """What was forgotten does not come back."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
