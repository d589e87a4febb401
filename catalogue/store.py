"""This package's tables; apps stand in idp's, for they are who is calling, and what a share gives in authz's."""

import sqlalchemy as sa

from catalogue.description import DESCRIBED
from storage.actions import Action
from storage.database import Moment, metadata

resource = sa.Table(
    "resource",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),  # of this version
    sa.Column("resource", sa.String(26)),  # the same in all its versions
    sa.Column("department", sa.String(63)),
    sa.Column("system", sa.String(63)),
    sa.Column("path", sa.Text),
    sa.Column("label", sa.Integer),
    *(sa.Column(name, sa.Text) for name in DESCRIBED),
    sa.Column("published_by", sa.String(40)),
    sa.Column("published_at", Moment),
    sa.Column("record", sa.String(26)),
    sa.Column("ended_by", sa.String(40)),  # by the next version, or withdrawn
    sa.Column("ended_at", Moment),
    sa.Column("end_record", sa.String(26)),
    info={"records": ("end_record", "record"), "acts": (Action.RESOURCE_PUBLISH, Action.RESOURCE_WITHDRAW)},
)
share = sa.Table(
    "share",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),  # of the role assignment: until when, how high, what for
    sa.Column("resource", sa.String(26)),
    sa.Column("app", sa.String(40)),
    sa.Column("approved_by", sa.String(40)),
    sa.Column("record", sa.String(26)),
    info={"records": ("record",), "acts": (Action.SHARE_ASK,)},
)
