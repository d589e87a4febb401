"""An app is paused for a while: by whom, since when, and the record of the last pause or resumption."""

import sqlalchemy as sa
from alembic import op

from storage.database import Moment

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """No app is paused by this."""
    op.add_column("app", sa.Column("paused_by", sa.String(40)))
    op.add_column("app", sa.Column("paused_at", Moment))
    op.add_column("app", sa.Column("pause_record", sa.String(26)))


def downgrade() -> None:
    """What was paused must not speak again by this."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
