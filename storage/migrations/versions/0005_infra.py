"""Zones, the flows between them, quotas, hosts, machines and each change of their state.

What a city of the version before has of these is nothing: default deny between no zones, and a quota of nothing.
"""

import sqlalchemy as sa
from alembic import op

from storage.database import Moment

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """One flow for the same zones, protocol and port, and one machine of a name in a department, at a time."""
    _zones()
    _machines()


def _zones() -> None:
    op.create_table(
        "zone",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("name_zh", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("network", sa.String(63), nullable=False),
        sa.Column("prefix", sa.String(18), nullable=False, unique=True),
        sa.Column("interface", sa.String(15), nullable=False, unique=True),
        sa.Column("ceiling", sa.Integer, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
        sa.CheckConstraint("ceiling BETWEEN 1 AND 5"),
    )
    op.create_table(
        "flow",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("from_zone", sa.String(63), sa.ForeignKey("zone.id"), nullable=False),
        sa.Column("to_zone", sa.String(63), sa.ForeignKey("zone.id"), nullable=False),
        sa.Column("protocol", sa.String(3), nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(63), sa.ForeignKey("department.id"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("opened_by", sa.String(40), nullable=False),
        sa.Column("approved_by", sa.String(40), nullable=False),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
        sa.Column("closed_by", sa.String(40)),
        sa.Column("closed_at", Moment),
        sa.Column("close_record", sa.String(26)),
        sa.CheckConstraint("from_zone <> to_zone"),
        sa.CheckConstraint("protocol IN ('tcp', 'udp')"),
        sa.CheckConstraint("port BETWEEN 1 AND 65535"),
    )
    op.create_index("flow_closed_at", "flow", ["closed_at", "expires_at"])


def _machines() -> None:
    sizes = ("cpu", "memory_gib", "disk_gib")
    op.create_table(
        "quota",
        sa.Column("department", sa.String(63), sa.ForeignKey("department.id"), primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in sizes),
        sa.Column("record", sa.String(26), nullable=False),
        *(sa.CheckConstraint(f"{name} >= 0") for name in sizes),
    )
    op.create_table(
        "host",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("zone", sa.String(63), sa.ForeignKey("zone.id"), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in sizes),
        sa.Column("record", sa.String(26), nullable=False),
    )
    op.create_table(
        "machine",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("department", sa.String(63), sa.ForeignKey("department.id"), nullable=False),
        sa.Column("system", sa.String(63), sa.ForeignKey("system.id"), nullable=False),
        sa.Column("zone", sa.String(63), sa.ForeignKey("zone.id"), nullable=False),
        sa.Column("host", sa.String(63), sa.ForeignKey("host.id"), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in sizes),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("requested_by", sa.String(40), nullable=False),
        sa.Column("approved_by", sa.String(40), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("wanted", sa.String(8), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
        sa.Column("change_record", sa.String(26), nullable=False),
        *(sa.CheckConstraint(f"{name} > 0") for name in sizes),
    )
    living = sa.text("state <> 'deleted'")
    op.create_index(
        "machine_name", "machine", ["department", "name"], unique=True, postgresql_where=living, sqlite_where=living
    )
    op.create_index("machine_host", "machine", ["host", "state"])
    op.create_table(
        "machine_change",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("machine", sa.String(26), sa.ForeignKey("machine.id"), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("record", sa.String(26), nullable=False),
    )
    op.create_index("machine_change_machine", "machine_change", ["machine", "at"])


def downgrade() -> None:
    """What was forgotten does not come back."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
