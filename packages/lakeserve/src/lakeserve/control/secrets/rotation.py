"""Puts every data key under a new master key."""

from dataclasses import dataclass

from lakeserve.control.secrets.keys import key_file, open_key_ring, write_key_file
from lakeserve.core.crypto import DecryptionError, KeyRing, new_master_key
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did.

    Attributes:
        key_id: The master key that everything is under now.
        rewrapped: How many data keys were not under it before.
    """

    key_id: str
    rewrapped: int


async def rotate_master_key(storage: Storage, settings: Settings) -> Rotation:
    """Make a new master key the only one that is needed.

    With ``secret_keys`` in the settings the first of them is the new one. Otherwise one is made;
    the key file holds both until everything is rewrapped, so that an end in between loses nothing.

    Raises:
        ConfigurationError: A key is missing, or the key file cannot be written.
    """
    ring = await open_key_ring(storage, settings)
    if settings.secret_keys is not None:
        return await _rewrap(storage, ring)
    path = key_file(settings)
    key = new_master_key()
    grown = KeyRing((key, *ring.keys), str(path))
    write_key_file(path, grown.keys)
    rotation = await _rewrap(storage, grown)
    write_key_file(path, [key])
    return rotation


async def _rewrap(storage: Storage, ring: KeyRing) -> Rotation:
    def work(transaction: Transaction) -> int:
        outdated = [
            key for key in transaction.keys.data_keys() if key.master_key_id != ring.current.id
        ]
        for key in outdated:
            transaction.keys.rewrap(ring.rewrap(key))
        return len(outdated)

    try:
        return Rotation(ring.current.id, await storage.write(work))
    except DecryptionError as error:
        raise ConfigurationError(f"the database cannot be rewrapped: {error}") from None
