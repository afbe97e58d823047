"""Grants on endpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "endpoint_grants",
        sa.Column(
            "endpoint_id",
            sa.String(32),
            sa.ForeignKey("endpoints.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("name", sa.String(256), primary_key=True),
        sa.Column("level", sa.String(16), nullable=False),
    )


def downgrade() -> None:
    """Endpoints would be open to those whose grants are lost, or closed to them."""
    raise NotImplementedError("restore a copy of the database instead")
