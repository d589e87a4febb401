"""This package's tables."""

import sqlalchemy as sa

from storage.actions import Action
from storage.database import Moment, metadata

department = sa.Table(
    "department",
    metadata,
    sa.Column("id", sa.String(63), primary_key=True),
    sa.Column("parent", sa.String(63)),
    sa.Column("name_zh", sa.Text),
    sa.Column("name_en", sa.Text),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",)},
)
person = sa.Table(
    "person",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("iss", sa.Text),
    sa.Column("sub", sa.Text),
    sa.Column("login", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("department", sa.String(63)),
    sa.Column("not_before", Moment),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "volatile": ("not_before",)},  # signing out everywhere moves it
)
session = sa.Table(
    "session",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("person", sa.String(40)),
    sa.Column("iss", sa.Text),
    sa.Column("sid", sa.Text),
    sa.Column("assurance", sa.Integer),
    sa.Column("address", sa.Text),
    sa.Column("started_at", Moment),
    sa.Column("seen_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("id_token", sa.LargeBinary),
    sa.Column("record", sa.String(26)),
    sa.Column("end_record", sa.String(26)),
    sa.Column("hosts", sa.Text),  # separated by spaces
    sa.Column("refresh_token", sa.LargeBinary),
    sa.Column("device", sa.Text, server_default=""),  # browser and system, as they call themselves
    sa.Column("checked_at", Moment),
)
access_key = sa.Table(
    "access_key",
    metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("subject", sa.String(40)),
    sa.Column("assurance", sa.Integer),
    sa.Column("expires_at", Moment),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "volatile": ("expires_at",)},  # the issuer's changes end keys early
)
app = sa.Table(
    "app",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),  # "app:01J…", the subject of decisions and records
    sa.Column("department", sa.String(63)),
    sa.Column("name", sa.Text),
    sa.Column("sealed", sa.LargeBinary),  # its secret
    sa.Column("created_by", sa.String(40)),
    sa.Column("created_at", Moment),
    sa.Column("expires_at", Moment),
    sa.Column("record", sa.String(26)),
    sa.Column("ended_by", sa.String(40)),
    sa.Column("ended_at", Moment),
    sa.Column("end_record", sa.String(26)),
    sa.Column("paused_by", sa.String(40)),  # empty again once it is resumed
    sa.Column("paused_at", Moment),
    sa.Column("pause_record", sa.String(26)),  # of the last pause or resumption
    info={
        "records": ("end_record", "pause_record", "record"),
        "acts": (Action.APP_CREATE, Action.APP_PAUSE, Action.APP_RESUME, Action.APP_END),
        "later": ("paused_by", "paused_at", "pause_record"),
        "volatile": ("sealed",),  # sealed anew when the seal's key rotates
    },
)
