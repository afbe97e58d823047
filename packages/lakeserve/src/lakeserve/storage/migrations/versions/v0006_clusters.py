"""Clusters with names and creators, and grants on them and on the use of tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the clusters anew: every row came from the settings, which the next start applies."""
    op.drop_table("clusters")
    op.create_table(
        "clusters",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("host", sa.String(256), nullable=False),
        sa.Column("tls", sa.Boolean(), nullable=False),
        sa.Column("ca_pem", sa.Text(), nullable=True),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("creator", sa.String(256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("from_settings", sa.Boolean(), nullable=False),
    )
    grants = op.create_table(
        "object_grants",
        sa.Column("object_type", sa.String(32), primary_key=True),
        sa.Column("object_id", sa.String(128), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("name", sa.String(256), primary_key=True),
        sa.Column("level", sa.String(16), nullable=False),
    )
    # Until now everyone could make tokens, and so it stays until an administrator says otherwise.
    everyone = {"kind": "group", "name": "users", "level": "CAN_USE"}
    op.bulk_insert(grants, [{"object_type": "authorization", "object_id": "tokens", **everyone}])


def downgrade() -> None:
    """Clusters that the settings do not name would be lost."""
    raise NotImplementedError("restore a copy of the database instead")
