"""The tables. A change here needs a migration; a test holds the two together."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
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
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column(
        "user_id",
        String(20),
        ForeignKey("users.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("origin", String(16), nullable=False),
    Column("comment", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=True),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("task", String(32), nullable=False),
    Column("endpoint_type", String(32), nullable=False),
    Column("creator", String(256), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("config_version", Integer, nullable=False),
    Column("description", Text, nullable=False),
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
)

clusters = Table(
    "clusters",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("host", String(256), nullable=False),
    Column("tls", Boolean, nullable=False),
    Column("ca_file", Text, nullable=True),
)
