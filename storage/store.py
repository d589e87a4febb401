"""This package's tables: what may be forgotten, and the epoch with its changes and its gateways."""

import sqlalchemy as sa

from storage.database import Moment, metadata

ephemeral = sa.Table(
    "ephemeral",
    metadata,
    sa.Column("key", sa.String(160), primary_key=True),
    sa.Column("value", sa.LargeBinary),
    sa.Column("expires_at", Moment),
)
epoch = sa.Table(
    "epoch",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # 1: there is one row
    sa.Column("epoch", sa.BigInteger),
    sa.Column("known_from", sa.BigInteger),  # changes after this epoch are all in the feed
)
epoch_change = sa.Table(
    "epoch_change",
    metadata,
    sa.Column("epoch", sa.BigInteger, primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(16)),
    sa.Column("key", sa.Text),
)
gateway = sa.Table(
    "gateway",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("epoch", sa.BigInteger),
    sa.Column("grants", sa.BigInteger),  # another number with every lease that is granted; 0: none was
)
