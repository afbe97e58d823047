"""The tables. A change here needs a migration; a test holds the two together."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    true,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

users = Table(
    "users",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("name", String(256), nullable=False, unique=True),
    Column("display_name", String(256), nullable=False),
    Column("admin", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # "user" or "service_principal"; the name of the latter is its application id.
    Column("kind", String(20), server_default="user", nullable=False),
    Column("active", Boolean, server_default=true(), nullable=False),
    Column("external_id", String(256), nullable=True),
    # Lists of texts; none stands for what accounts usually have.
    Column("entitlements", JSON, nullable=True),
    Column("roles", JSON, nullable=True),
)

# The groups "users" (everyone) and "admins" (``users.admin``) are not stored here.
groups = Table(
    "groups",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("name", String(256), nullable=False, unique=True),
    Column("external_id", String(256), nullable=True),
    Column("created_at", BigInteger, nullable=False),
)

group_members = Table(
    "group_members",
    metadata,
    Column("group_id", String(20), ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "user_id",
        String(20),
        ForeignKey("users.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    # How listings name it: the digest itself never leaves the database.
    Column("id", String(64), nullable=False, unique=True),
    Column(
        "user_id",
        String(20),
        ForeignKey("users.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("origin", String(16), nullable=False),
    Column("comment", Text, nullable=False),
    # Who asked for it: the principal's id, another's for tokens on behalf of somebody.
    Column("created_by", String(20), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=True),
)

service_principal_secrets = Table(
    "service_principal_secrets",
    metadata,
    Column("id", String(36), primary_key=True),
    Column(
        "user_id",
        String(20),
        ForeignKey("users.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("digest", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=True),
)

# A key of its own for each secret, encrypted with a master key that lies outside the database.
data_keys = Table(
    "data_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("master_key_id", String(32), nullable=False, index=True),
    Column("wrapped", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# The keys that sign OAuth tokens: the public half in PEM, the private one encrypted.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("public_key", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

secret_scopes = Table(
    "secret_scopes",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("creator", String(256), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column(
        "scope",
        String(128),
        ForeignKey("secret_scopes.name", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("key", String(128), primary_key=True),
    Column("data_key_id", String(32), ForeignKey("data_keys.id"), nullable=False),
    Column("ciphertext", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

secret_acls = Table(
    "secret_acls",
    metadata,
    Column(
        "scope",
        String(128),
        ForeignKey("secret_scopes.name", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("principal", String(256), primary_key=True),
    Column("permission", String(8), nullable=False),
)

# Append only: nothing in this package changes or deletes a row.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("actor", String(256), nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", Text, nullable=False),
    Column("source", String(64), nullable=False),
    Column("status", Integer, nullable=False),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    # Empty for a custom model without one.
    Column("task", String(32), nullable=False),
    Column("endpoint_type", String(32), nullable=False),
    Column("creator", String(256), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("config_version", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("ai_gateway", JSON(none_as_null=True), nullable=True),
)

served_entities = Table(
    "served_entities",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "endpoint_id",
        String(32),
        ForeignKey("endpoints.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("position", Integer, nullable=False),
    Column("name", String(256), nullable=False),
    Column("backend", JSON, nullable=False),
    Column("model_name", String(256), nullable=False),
    Column("model_description", Text, nullable=False),
    Column("start", String(16), nullable=False),
    Column("traffic_percentage", Integer, nullable=False),
    UniqueConstraint("endpoint_id", "name"),
)

endpoint_tags = Table(
    "endpoint_tags",
    metadata,
    Column(
        "endpoint_id",
        String(32),
        ForeignKey("endpoints.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
)

endpoint_notifications = Table(
    "endpoint_notifications",
    metadata,
    Column(
        "endpoint_id",
        String(32),
        ForeignKey("endpoints.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("on_update_success", JSON, nullable=False),
    Column("on_update_failure", JSON, nullable=False),
)

config_updates = Table(
    "config_updates",
    metadata,
    Column(
        "endpoint_id",
        String(32),
        ForeignKey("endpoints.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("id", String(32), nullable=False),
    Column("entities", JSON, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("failure", Text, nullable=True),
)

# The kind is "user", "group" or "service_principal"; the name of the last is its application id.
endpoint_grants = Table(
    "endpoint_grants",
    metadata,
    Column(
        "endpoint_id",
        String(32),
        ForeignKey("endpoints.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("kind", String(20), primary_key=True),
    Column("name", String(256), primary_key=True),
    Column("level", String(16), nullable=False),
)

entity_states = Table(
    "entity_states",
    metadata,
    Column(
        "entity_id",
        String(32),
        ForeignKey("served_entities.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("deployment", String(32), nullable=False),
    Column("message", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # Where the workers of this platform listen.
    Column("addresses", JSON(none_as_null=True), nullable=True),
)

# One row for each thing that was ever changed: the revision in which it was last.
changes = Table(
    "changes",
    metadata,
    Column("subject", String(16), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("revision", BigInteger, nullable=False, index=True),
)

# On clusters and on the use of tokens; the columns are those of ``endpoint_grants``.
object_grants = Table(
    "object_grants",
    metadata,
    Column("object_type", String(32), primary_key=True),
    Column("object_id", String(128), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("name", String(256), primary_key=True),
    Column("level", String(16), nullable=False),
)

clusters = Table(
    "clusters",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("host", String(256), nullable=False),
    Column("tls", Boolean, nullable=False),
    Column("ca_pem", Text, nullable=True),
    Column("name", String(256), nullable=False),
    Column("creator", String(256), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("from_settings", Boolean, nullable=False),
)

# The columns up to ``served_entity_id`` are those of the reference service's table of that name.
# ``request_time`` is in epoch milliseconds; ``kind`` is "call" or "shadow".
endpoint_usage = Table(
    "endpoint_usage",
    metadata,
    Column("databricks_request_id", String(64), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("account_id", String(64), nullable=False),
    Column("workspace_id", String(20), nullable=False),
    Column("client_request_id", Text, nullable=True),
    Column("requester", String(256), nullable=False),
    Column("status_code", Integer, nullable=False),
    Column("request_time", BigInteger, nullable=False, index=True),
    Column("input_token_count", BigInteger, nullable=False),
    Column("output_token_count", BigInteger, nullable=False),
    Column("input_character_count", BigInteger, nullable=False),
    Column("output_character_count", BigInteger, nullable=False),
    Column("usage_context", JSON(none_as_null=True), nullable=True),
    Column("request_streaming", Boolean, nullable=False),
    Column("served_entity_id", String(32), nullable=False),
    Column("served_entity_name", String(256), nullable=False),
    Column("endpoint_id", String(32), nullable=False),
    Column("endpoint_name", String(256), nullable=False),
    Column("operation", String(32), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("model", Text, nullable=False),
    Column("latency_ms", Float(53), nullable=False),
    Column("queue_ms", Float(53), nullable=False),
    Column("time_to_first_byte_ms", Float(53), nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("is_cached", Boolean, nullable=False),
    Column("error_code", String(64), nullable=False),
    Column("cost", Float(53), nullable=False),
    Index("ix_endpoint_usage_by_endpoint", "endpoint_name", "request_time"),
    Index("ix_endpoint_usage_by_requester", "requester", "request_time"),
)

# Sums of ``endpoint_usage`` by day (UTC); they stay when old rows go.
usage_totals = Table(
    "usage_totals",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("endpoint_id", String(32), primary_key=True),
    Column("requester", String(256), primary_key=True),
    Column("endpoint_name", String(256), nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("failed_calls", BigInteger, nullable=False),
    Column("cached_calls", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost", Float(53), nullable=False),
)

# Every served entity that there ever was, with the columns of the reference service's table
# ``system.serving.served_entities``; our own ``served_entities`` above is what serves now.
usage_served_entities = Table(
    "usage_served_entities",
    metadata,
    Column("served_entity_id", String(32), primary_key=True),
    Column("endpoint_config_version", Integer, primary_key=True),
    Column("account_id", String(64), nullable=False),
    Column("workspace_id", String(20), nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("endpoint_name", String(256), nullable=False),
    Column("endpoint_id", String(32), nullable=False, index=True),
    Column("served_entity_name", String(256), nullable=False),
    Column("entity_type", String(32), nullable=False),
    Column("entity_name", Text, nullable=False),
    Column("entity_version", String(32), nullable=True),
    Column("task", String(64), nullable=False),
    Column("external_model_config", JSON(none_as_null=True), nullable=True),
    Column("foundation_model_config", JSON(none_as_null=True), nullable=True),
    Column("custom_model_config", JSON(none_as_null=True), nullable=True),
    Column("feature_spec_config", JSON(none_as_null=True), nullable=True),
    Column("change_time", BigInteger, nullable=False),
    Column("endpoint_delete_time", BigInteger, nullable=True),
)

# Journals whose calls are in the tables, so that none is counted twice.
moved_journals = Table(
    "moved_journals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("moved_at", BigInteger, nullable=False, index=True),
)
