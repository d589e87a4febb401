"""This package's table: each backup and each drill, as what it is now."""

import sqlalchemy as sa

from storage.actions import Action
from storage.database import Moment, metadata

work = sa.Table(
    "backup_work",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("kind", sa.String(8)),  # backup · drill
    sa.Column("state", sa.String(8)),  # running · whole · passed · failed; a partial index lets one row run
    sa.Column("step", sa.String(63)),
    sa.Column("plan", sa.String(63)),
    sa.Column("grade", sa.Integer),
    sa.Column("backup", sa.String(26)),  # of a drill: which was restored; "" before it is found
    sa.Column("asked_by", sa.String(40)),
    sa.Column("record", sa.String(26)),  # of the request that began it; its end is an outcome under the same id
    sa.Column("holder", sa.String(40)),  # the process that works
    sa.Column("started_at", Moment),
    sa.Column("beat_at", Moment),  # when the holder was last seen alive
    sa.Column("finished_at", Moment),
    sa.Column("failing", sa.String(63)),  # the step that did not hold
    sa.Column("why", sa.Text),
    sa.Column("rpo_target_ms", sa.BigInteger),
    sa.Column("rto_target_ms", sa.BigInteger),
    sa.Column("rpo_ms", sa.BigInteger),
    sa.Column("rto_ms", sa.BigInteger),
    sa.Column("records", sa.BigInteger),
    sa.Column("rows", sa.BigInteger),
    sa.Column("bytes", sa.BigInteger),
    info={
        "records": ("record",),
        "acts": (Action.BACKUP_RUN, Action.BACKUP_DRILL, Action.JOB_RUN),
        "volatile": ("step", "beat_at"),
    },
)
