"""What was changed under which revision, and where workers listen."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the column; every process reads everything when it starts."""
    op.create_table(
        "changes",
        sa.Column("subject", sa.String(16), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False, index=True),
    )
    op.add_column(
        "entity_states", sa.Column("addresses", sa.JSON(none_as_null=True), nullable=True)
    )


def downgrade() -> None:
    """Processes that follow the changes would miss some."""
    raise NotImplementedError("restore a copy of the database instead")
