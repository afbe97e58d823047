"""Usage of endpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_usage()
    _create_entities()
    op.create_table(
        "usage_totals",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("endpoint_id", sa.String(32), primary_key=True),
        sa.Column("requester", sa.String(256), primary_key=True),
        sa.Column("endpoint_name", sa.String(256), nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("failed_calls", sa.BigInteger, nullable=False),
        sa.Column("cached_calls", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.Float(53), nullable=False),
    )
    op.create_table(
        "moved_journals",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("moved_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("name", name="uq_moved_journals_name"),
    )
    op.create_index("ix_moved_journals_moved_at", "moved_journals", ["moved_at"])


def _create_usage() -> None:
    op.create_table(
        "endpoint_usage",
        sa.Column("databricks_request_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("workspace_id", sa.String(20), nullable=False),
        sa.Column("client_request_id", sa.Text, nullable=True),
        sa.Column("requester", sa.String(256), nullable=False),
        sa.Column("status_code", sa.Integer, nullable=False),
        sa.Column("request_time", sa.BigInteger, nullable=False),
        sa.Column("input_token_count", sa.BigInteger, nullable=False),
        sa.Column("output_token_count", sa.BigInteger, nullable=False),
        sa.Column("input_character_count", sa.BigInteger, nullable=False),
        sa.Column("output_character_count", sa.BigInteger, nullable=False),
        sa.Column("usage_context", sa.JSON, nullable=True),
        sa.Column("request_streaming", sa.Boolean, nullable=False),
        sa.Column("served_entity_id", sa.String(32), nullable=False),
        sa.Column("served_entity_name", sa.String(256), nullable=False),
        sa.Column("endpoint_id", sa.String(32), nullable=False),
        sa.Column("endpoint_name", sa.String(256), nullable=False),
        sa.Column("operation", sa.String(32), nullable=False),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("latency_ms", sa.Float(53), nullable=False),
        sa.Column("queue_ms", sa.Float(53), nullable=False),
        sa.Column("time_to_first_byte_ms", sa.Float(53), nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("is_cached", sa.Boolean, nullable=False),
        sa.Column("error_code", sa.String(64), nullable=False),
        sa.Column("cost", sa.Float(53), nullable=False),
    )
    for name, column in (
        ("ix_endpoint_usage_request_time", ["request_time"]),
        ("ix_endpoint_usage_by_endpoint", ["endpoint_name", "request_time"]),
        ("ix_endpoint_usage_by_requester", ["requester", "request_time"]),
    ):
        op.create_index(name, "endpoint_usage", column)


def _create_entities() -> None:
    op.create_table(
        "usage_served_entities",
        sa.Column("served_entity_id", sa.String(32), primary_key=True),
        sa.Column("endpoint_config_version", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("workspace_id", sa.String(20), nullable=False),
        sa.Column("created_by", sa.String(256), nullable=False),
        sa.Column("endpoint_name", sa.String(256), nullable=False),
        sa.Column("endpoint_id", sa.String(32), nullable=False),
        sa.Column("served_entity_name", sa.String(256), nullable=False),
        sa.Column("entity_type", sa.String(32), nullable=False),
        sa.Column("entity_name", sa.Text, nullable=False),
        sa.Column("entity_version", sa.String(32), nullable=True),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("external_model_config", sa.JSON, nullable=True),
        sa.Column("foundation_model_config", sa.JSON, nullable=True),
        sa.Column("custom_model_config", sa.JSON, nullable=True),
        sa.Column("feature_spec_config", sa.JSON, nullable=True),
        sa.Column("change_time", sa.BigInteger, nullable=False),
        sa.Column("endpoint_delete_time", sa.BigInteger, nullable=True),
    )
    name = "ix_usage_served_entities_endpoint_id"
    op.create_index(name, "usage_served_entities", ["endpoint_id"])


def downgrade() -> None:
    """What was used would be forgotten."""
    raise NotImplementedError("restore a copy of the database instead")
