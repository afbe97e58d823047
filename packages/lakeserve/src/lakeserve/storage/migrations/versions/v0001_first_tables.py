"""Users, tokens, endpoints, served entities, their states and clusters."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_identity()
    _create_endpoints()
    op.create_table(
        "clusters",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("host", sa.String(256), nullable=False),
        sa.Column("tls", sa.Boolean(), nullable=False),
        sa.Column("ca_file", sa.Text(), nullable=True),
    )


def downgrade() -> None:
    """There is nothing before the first tables."""
    raise NotImplementedError("restore a copy of the database instead")


def _create_identity() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(20), primary_key=True),
        sa.Column("name", sa.String(256), nullable=False, unique=True),
        sa.Column("display_name", sa.String(256), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column(
            "user_id",
            sa.String(20),
            sa.ForeignKey("users.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
    )


def _create_endpoints() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(63), nullable=False, unique=True),
        sa.Column("task", sa.String(32), nullable=False),
        sa.Column("endpoint_type", sa.String(32), nullable=False),
        sa.Column("creator", sa.String(256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
    )
    op.create_table(
        "served_entities",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "endpoint_id",
            sa.String(32),
            sa.ForeignKey("endpoints.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("backend", sa.JSON(), nullable=False),
        sa.Column("model_name", sa.String(256), nullable=False),
        sa.Column("model_description", sa.Text(), nullable=False),
        sa.Column("start", sa.String(16), nullable=False),
        sa.Column("traffic_percentage", sa.Integer(), nullable=False),
        sa.UniqueConstraint("endpoint_id", "name"),
    )
    op.create_table(
        "entity_states",
        sa.Column(
            "entity_id",
            sa.String(32),
            sa.ForeignKey("served_entities.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("deployment", sa.String(32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )
