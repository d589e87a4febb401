"""This package's tables; the zones themselves are facts of the PDP, which authz.zone_register reads."""

import sqlalchemy as sa

from storage.actions import Action
from storage.database import Moment, metadata

_PLACING = (Action.MACHINE_REQUEST, Action.MACHINE_START, Action.MACHINE_STOP, Action.MACHINE_DELETE, Action.JOB_RUN)

flow = sa.Table(
    "flow",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("from_zone", sa.String(63)),
    sa.Column("to_zone", sa.String(63)),
    sa.Column("protocol", sa.String(3)),
    sa.Column("port", sa.Integer),
    sa.Column("owner", sa.String(63)),
    sa.Column("reason", sa.Text),
    sa.Column("expires_at", Moment),
    sa.Column("opened_by", sa.String(40)),
    sa.Column("approved_by", sa.String(40)),
    sa.Column("opened_at", Moment),
    sa.Column("record", sa.String(26)),
    sa.Column("closed_by", sa.String(40)),
    sa.Column("closed_at", Moment),
    sa.Column("close_record", sa.String(26)),
    info={"records": ("close_record", "record"), "acts": (Action.FLOW_OPEN, Action.FLOW_CLOSE)},
)
quota = sa.Table(
    "quota",
    metadata,
    sa.Column("department", sa.String(63), primary_key=True),
    sa.Column("cpu", sa.Integer),
    sa.Column("memory_gib", sa.Integer),
    sa.Column("disk_gib", sa.Integer),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "acts": (Action.QUOTA_SET,)},
)
host = sa.Table(
    "host",
    metadata,
    sa.Column("id", sa.String(63), primary_key=True),
    sa.Column("zone", sa.String(63)),
    sa.Column("cpu", sa.Integer),
    sa.Column("memory_gib", sa.Integer),
    sa.Column("disk_gib", sa.Integer),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",)},
)
machine = sa.Table(
    "machine",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("name", sa.String(63)),
    sa.Column("department", sa.String(63)),
    sa.Column("system", sa.String(63)),
    sa.Column("zone", sa.String(63)),
    sa.Column("host", sa.String(63)),
    sa.Column("cpu", sa.Integer),
    sa.Column("memory_gib", sa.Integer),
    sa.Column("disk_gib", sa.Integer),
    sa.Column("purpose", sa.Text),
    sa.Column("requested_by", sa.String(40)),
    sa.Column("approved_by", sa.String(40)),
    sa.Column("created_at", Moment),
    sa.Column("wanted", sa.String(8)),  # what was asked for last: running, stopped, deleted
    sa.Column("state", sa.String(8)),  # what the hypervisor last said it did; "placing" until it said anything
    sa.Column("record", sa.String(26)),
    sa.Column("change_record", sa.String(26)),
    info={"records": ("change_record", "record"), "acts": _PLACING},
)
machine_change = sa.Table(
    "machine_change",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("machine", sa.String(26)),
    sa.Column("at", Moment),
    sa.Column("state", sa.String(8)),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "acts": _PLACING},
)
