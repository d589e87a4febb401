"""Systems, roles and departments name the record that says what they are.

Those of a city that was founded before this name none, and reconciliation says so; of a system until it is graded.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """No record is made up for what has none."""
    for table in ("system", "role", "department"):
        op.add_column(table, sa.Column("record", sa.String(26)))


def downgrade() -> None:
    """What is recorded does not become unrecorded."""
    raise RuntimeError("this version cannot be undone: restore a backup instead")
