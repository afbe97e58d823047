"""Entitlements and roles of users and service principals."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; empty ones stand for what accounts usually have."""
    # In place: making the table anew would take the tokens of its rows along.
    op.add_column("users", sa.Column("entitlements", sa.JSON(), nullable=True))
    op.add_column("users", sa.Column("roles", sa.JSON(), nullable=True))


def downgrade() -> None:
    """What was written would be lost."""
    raise NotImplementedError("restore a copy of the database instead")
