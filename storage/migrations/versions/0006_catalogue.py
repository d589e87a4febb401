"""The catalogue: information resources, the apps that may use them, and for how long."""

import sqlalchemy as sa
from alembic import op

from storage.database import Moment

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Three tables; what a share gives is a role assignment, and stands among those."""
    op.create_table(
        "app",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("department", sa.String(63), sa.ForeignKey("department.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_by", sa.String(40), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
        sa.Column("ended_by", sa.String(40)),
        sa.Column("ended_at", Moment),
        sa.Column("end_record", sa.String(26)),
    )
    op.create_index("app_department", "app", ["department", "ended_at"])
    texts = ("name", "produced", "publisher", "category", "version", "description", "carrier", "form", "location")
    op.create_table(
        "resource",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("resource", sa.String(26), nullable=False),
        sa.Column("department", sa.String(63), sa.ForeignKey("department.id"), nullable=False),
        sa.Column("system", sa.String(63), sa.ForeignKey("system.id"), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("label", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("published_by", sa.String(40), nullable=False),
        sa.Column("published_at", Moment, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
        sa.Column("ended_by", sa.String(40)),
        sa.Column("ended_at", Moment),
        sa.Column("end_record", sa.String(26)),
    )
    current = sa.text("ended_at IS NULL")  # a resource has one current version, or none
    op.create_index(
        "resource_current", "resource", ["resource"], unique=True, sqlite_where=current, postgresql_where=current
    )
    op.create_index("resource_versions", "resource", ["resource", "published_at"])
    op.create_table(
        "share",
        sa.Column("id", sa.String(26), sa.ForeignKey("assignment.id"), primary_key=True),
        sa.Column("resource", sa.String(26), nullable=False),
        sa.Column("app", sa.String(40), sa.ForeignKey("app.id"), nullable=False),
        sa.Column("approved_by", sa.String(40), nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )
    op.create_index("share_resource", "share", ["resource"])
    op.create_index("share_app", "share", ["app"])


def downgrade() -> None:
    """What was shared is not unshared by forgetting it."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
