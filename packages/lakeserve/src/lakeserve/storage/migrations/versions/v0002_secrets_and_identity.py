"""Secrets, groups, service principals, ids of tokens and the audit log."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, keeping users and tokens."""
    _extend_identity()
    _replace_tokens()
    _create_keys()
    _create_secrets()
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False, index=True),
        sa.Column("actor", sa.String(256), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    """Secrets would be lost."""
    raise NotImplementedError("restore a copy of the database instead")


def _extend_identity() -> None:
    # In place: making the table anew would take the tokens of its rows along.
    op.add_column("users", sa.Column("kind", sa.String(20), server_default="user", nullable=False))
    op.add_column(
        "users", sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.add_column("users", sa.Column("external_id", sa.String(256), nullable=True))
    op.create_table(
        "groups",
        sa.Column("id", sa.String(20), primary_key=True),
        sa.Column("name", sa.String(256), nullable=False, unique=True),
        sa.Column("external_id", sa.String(256), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "group_members",
        sa.Column(
            "group_id",
            sa.String(20),
            sa.ForeignKey("groups.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column(
            "user_id",
            sa.String(20),
            sa.ForeignKey("users.id", ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
    )


def _replace_tokens() -> None:
    """Give every token an id; SQLite cannot add a unique column in place."""
    kept = op.get_bind().execute(sa.text("SELECT * FROM tokens")).mappings().all()
    op.drop_table("tokens")
    table = op.create_table(
        "tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column(
            "user_id",
            sa.String(20),
            sa.ForeignKey("users.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(20), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
    )
    op.bulk_insert(
        table,
        [
            {
                **row,
                "id": hashlib.sha256(f"token id of {row['digest']}".encode()).hexdigest(),
                "created_by": row["user_id"],
            }
            for row in kept
        ],
    )


def _create_keys() -> None:
    op.create_table(
        "service_principal_secrets",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column(
            "user_id",
            sa.String(20),
            sa.ForeignKey("users.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "data_keys",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("master_key_id", sa.String(32), nullable=False, index=True),
        sa.Column("wrapped", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )


def _create_secrets() -> None:
    op.create_table(
        "secret_scopes",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("creator", sa.String(256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "secrets",
        sa.Column(
            "scope",
            sa.String(128),
            sa.ForeignKey("secret_scopes.name", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("data_key_id", sa.String(32), sa.ForeignKey("data_keys.id"), nullable=False),
        sa.Column("ciphertext", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "secret_acls",
        sa.Column(
            "scope",
            sa.String(128),
            sa.ForeignKey("secret_scopes.name", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("principal", sa.String(256), primary_key=True),
        sa.Column("permission", sa.String(8), nullable=False),
    )
