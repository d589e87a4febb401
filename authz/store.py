"""This package's tables."""

import sqlalchemy as sa

from storage.database import Moment, metadata

system = sa.Table(
    "system",
    metadata,
    sa.Column("id", sa.String(63), primary_key=True),
    sa.Column("department", sa.String(63)),
    sa.Column("name_zh", sa.Text),
    sa.Column("name_en", sa.Text),
    sa.Column("label", sa.Integer),
)
role = sa.Table(
    "role",
    metadata,
    sa.Column("id", sa.String(63), primary_key=True),
    sa.Column("name_zh", sa.Text),
    sa.Column("name_en", sa.Text),
    sa.Column("allows_zh", sa.Text),
    sa.Column("allows_en", sa.Text),
)
rule = sa.Table(
    "rule",
    metadata,
    sa.Column("id", sa.String(63), primary_key=True),
    sa.Column("subject", sa.String(63)),
    sa.Column("department", sa.String(63)),
    sa.Column("object", sa.Text),
    sa.Column("action", sa.Text),
    sa.Column("effect", sa.String(8)),
    sa.Column("record", sa.String(26)),
)
assignment = sa.Table(
    "assignment",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("subject", sa.String(40)),
    sa.Column("role", sa.String(63)),
    sa.Column("department", sa.String(63)),
    sa.Column("clearance", sa.Integer),
    sa.Column("expires_at", Moment),
    sa.Column("reason", sa.Text),
    sa.Column("given_by", sa.String(40)),
    sa.Column("given_at", Moment),
    sa.Column("record", sa.String(26)),
    sa.Column("revoked_by", sa.String(40)),
    sa.Column("revoked_at", Moment),
    sa.Column("revoke_record", sa.String(26)),
)
may_grant = sa.Table(
    "may_grant",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("subject", sa.String(40)),
    sa.Column("role", sa.String(63)),
    sa.Column("department", sa.String(63)),
    sa.Column("ceiling", sa.Integer),
    sa.Column("record", sa.String(26)),
)
parked = sa.Table(
    "parked",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("subject", sa.String(40)),
    sa.Column("host", sa.Text),
    sa.Column("missing", sa.String(16)),
    sa.Column("parked_at", Moment),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("record", sa.String(26)),
)
seal = sa.Table(
    "seal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sealed_at", Moment),
    sa.Column("record", sa.String(26)),
)
