"""Data keys, each encrypted with a master key, and the keys that sign tokens."""

from sqlalchemy import Connection, delete, insert, select, update

from lakeserve.core.crypto import DataKey
from lakeserve.core.signed_tokens import SigningKey
from lakeserve.storage.changes import note
from lakeserve.storage.tables import data_keys, signing_keys


class KeyRepository:
    """Reads and writes encrypted keys inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save_data_key(self, key: DataKey, now_ms: int) -> None:
        """Write a new data key."""
        self._connection.execute(
            insert(data_keys),
            {
                "id": key.id,
                "master_key_id": key.master_key_id,
                "wrapped": key.wrapped,
                "created_at": now_ms,
            },
        )

    def data_key(self, key_id: str) -> DataKey | None:
        """The data key of that id."""
        row = self._connection.execute(
            select(data_keys).where(data_keys.c.id == key_id)
        ).one_or_none()
        return None if row is None else DataKey(row.id, row.master_key_id, row.wrapped)

    def data_keys(self) -> tuple[DataKey, ...]:
        """Every data key."""
        rows = self._connection.execute(select(data_keys).order_by(data_keys.c.id))
        return tuple(DataKey(row.id, row.master_key_id, row.wrapped) for row in rows)

    def rewrap(self, key: DataKey) -> None:
        """Replace how a data key is encrypted; the key itself stays."""
        self._connection.execute(
            update(data_keys)
            .where(data_keys.c.id == key.id)
            .values(master_key_id=key.master_key_id, wrapped=key.wrapped)
        )

    def delete_data_key(self, key_id: str) -> None:
        """Forget a data key, and with it whatever it encrypted."""
        self._connection.execute(delete(data_keys).where(data_keys.c.id == key_id))

    def master_key_ids(self) -> frozenset[str]:
        """The master keys that are needed to read everything."""
        return frozenset(self._connection.scalars(select(data_keys.c.master_key_id).distinct()))

    def save_signing_key(self, key: SigningKey, sealed: str, now_ms: int) -> None:
        """Write a new signing key with its encrypted private half."""
        note(self._connection, "signing", key.id)
        self._connection.execute(
            insert(signing_keys),
            {
                "id": key.id,
                "public_key": key.public_key,
                "sealed": sealed,
                "created_at": now_ms,
            },
        )

    def signing_keys(self) -> tuple[tuple[SigningKey, str], ...]:
        """Signing keys with their encrypted private halves, newest first."""
        rows = self._connection.execute(
            select(signing_keys).order_by(signing_keys.c.created_at.desc(), signing_keys.c.id)
        )
        return tuple((SigningKey(row.id, row.public_key), row.sealed) for row in rows)
