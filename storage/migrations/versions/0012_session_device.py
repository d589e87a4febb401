"""What a browser calls itself, as each session's person sees it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Of sessions that are there nobody knows it."""
    op.add_column("session", sa.Column("device", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """What a person was shown is not taken back by this."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
