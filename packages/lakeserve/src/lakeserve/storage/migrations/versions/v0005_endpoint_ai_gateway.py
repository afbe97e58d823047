"""What endpoints ask of the gateway beside forwarding."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; endpoints asked for nothing before."""
    op.add_column("endpoints", sa.Column("ai_gateway", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Limits and rules would no longer hold."""
    raise NotImplementedError("restore a copy of the database instead")
