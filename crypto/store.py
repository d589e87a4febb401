"""This package's tables."""

import sqlalchemy as sa

from storage.actions import Action
from storage.database import Moment, metadata

key = sa.Table(
    "key",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("department", sa.String(63)),
    sa.Column("name", sa.String(63)),
    sa.Column("usage", sa.String(16)),
    sa.Column("created_at", Moment),
    sa.Column("created_by", sa.String(40)),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "acts": (Action.KEY_CREATE,)},
)
key_version = sa.Table(
    "key_version",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),  # KEY:NUMBER
    sa.Column("key", sa.String(26)),
    sa.Column("number", sa.Integer),
    sa.Column("algorithm", sa.String(16)),
    sa.Column("state", sa.String(16)),
    sa.Column("material", sa.LargeBinary),  # wrapped by keys/kek.key; empty when retired
    sa.Column("public", sa.LargeBinary),  # of a signing key
    sa.Column("created_at", Moment),
    sa.Column("active_at", Moment),
    sa.Column("closed_at", Moment),
    sa.Column("retired_at", Moment),
    sa.Column("reference_count", sa.BigInteger),
    sa.Column("counted_at", Moment),
    sa.Column("record", sa.String(26)),
    sa.Column("state_record", sa.String(26)),
    info={
        "records": ("state_record", "record"),
        "acts": (Action.KEY_CREATE, Action.KEY_ROTATE, Action.JOB_RUN),
        "volatile": ("reference_count", "counted_at"),
    },
)
key_suite = sa.Table(
    "key_suite",
    metadata,
    sa.Column("department", sa.String(63), primary_key=True),
    sa.Column("suite", sa.String(16)),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "acts": (Action.KEY_SUITE,)},
)
key_use = sa.Table(
    "key_use",
    metadata,
    sa.Column("version", sa.String(40), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),  # UTC, 2026-12-31
    sa.Column("sealed", sa.BigInteger),  # or signed
    sa.Column("opened", sa.BigInteger),  # or checked
    sa.Column("record", sa.String(26)),  # that told the day's sum
)
