"""Tags, notifications and config updates of endpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "endpoint_tags",
        _endpoint_id(),
        sa.Column("key", sa.String(256), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )
    op.create_table(
        "endpoint_notifications",
        _endpoint_id(),
        sa.Column("on_update_success", sa.JSON(), nullable=False),
        sa.Column("on_update_failure", sa.JSON(), nullable=False),
    )
    op.create_table(
        "config_updates",
        _endpoint_id(),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("entities", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
    )


def downgrade() -> None:
    """Endpoints that hang on these tables would be lost."""
    raise NotImplementedError("restore a copy of the database instead")


def _endpoint_id() -> "sa.Column[str]":
    return sa.Column(
        "endpoint_id",
        sa.String(32),
        sa.ForeignKey("endpoints.id", ondelete="CASCADE"),
        primary_key=True,
    )
