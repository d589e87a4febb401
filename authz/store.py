"""This package's tables."""

from datetime import timedelta

import sqlalchemy as sa

from storage.actions import APPROVALS, Action
from storage.database import Moment, metadata

system = sa.Table(
    "system",
    metadata,
    sa.Column("id", sa.String(63), primary_key=True),
    sa.Column("department", sa.String(63)),
    sa.Column("name_zh", sa.Text),
    sa.Column("name_en", sa.Text),
    sa.Column("label", sa.Integer),
    sa.Column("s", sa.Integer),  # the grade's two parts, None until it is graded
    sa.Column("a", sa.Integer),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "acts": (Action.GRADE_PROPOSE,)},
)
zone = sa.Table(
    "zone",
    metadata,
    sa.Column("id", sa.String(63), primary_key=True),
    sa.Column("name_zh", sa.Text),
    sa.Column("name_en", sa.Text),
    sa.Column("network", sa.String(63)),
    sa.Column("prefix", sa.String(18)),
    sa.Column("interface", sa.String(15)),
    sa.Column("ceiling", sa.Integer),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",)},
)
role = sa.Table(
    "role",
    metadata,
    sa.Column("id", sa.String(63), primary_key=True),
    sa.Column("name_zh", sa.Text),
    sa.Column("name_en", sa.Text),
    sa.Column("allows_zh", sa.Text),
    sa.Column("allows_en", sa.Text),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "acts": (Action.RESOURCE_PUBLISH,)},
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
    info={"records": ("record",), "acts": (Action.RESOURCE_PUBLISH, Action.RESOURCE_WITHDRAW)},
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
    info={
        "records": ("revoke_record", "record"),
        "acts": (Action.ROLE_ASSIGN, Action.ROLE_REVOKE, Action.SHARE_ASK, Action.SHARE_END),
    },
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
    info={"records": ("record",)},
)
parked = sa.Table(
    "parked",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("subject", sa.String(40)),
    sa.Column("host", sa.Text),
    sa.Column("missing", sa.String(16)),
    sa.Column("parked_at", Moment),
    sa.Column("expires_at", Moment),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("digest", sa.String(64)),  # SHA-256 of what is sealed, hexadecimal
    sa.Column("record", sa.String(26)),
    # what waits for a second person says what for; elsewhere these are empty
    sa.Column("department", sa.String(63)),
    sa.Column("object", sa.Text),
    sa.Column("action", sa.Text),
    sa.Column("approve_action", sa.Text),
    sa.Column("label", sa.Integer),
    sa.Column("verdict", sa.String(8)),  # "", "approved", "rejected"
    sa.Column("reason", sa.Text),
    sa.Column("decided_by", sa.String(40)),
    sa.Column("decided_at", Moment),
    sa.Column("decide_record", sa.String(26)),
    sa.Column("approval", sa.LargeBinary),  # the same, sealed: no hand on this table approves
    sa.Column("taken_at", Moment),
    sa.Column("take_record", sa.String(26)),
    info={
        "records": ("take_record", "decide_record", "record"),
        "acts": (
            "approver",
            "approver-lost-right",
            *APPROVALS,
            Action.REQUEST_RESUME,
        ),
        "volatile": ("sealed", "approval"),  # sealed anew when the key rotates; `digest` says what is in them
        "only": {"missing": "approver"},  # the others wait for their own requester, for minutes
        "stays": timedelta(hours=71),  # 72, from a moment before the record of it
    },
)
seal = sa.Table(
    "seal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sealed_at", Moment),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",)},
)
