from dataclasses import replace

from lakeserve.core.crypto import DataKey
from lakeserve.core.signed_tokens import SigningKey
from lakeserve.storage.database import Storage

ONE = DataKey("1" * 32, "old", "wrapped-1")
TWO = DataKey("2" * 32, "old", "wrapped-2")


async def test_data_keys_can_be_wrapped_anew_and_forgotten(storage: Storage) -> None:
    await storage.write(lambda tx: tx.keys.save_data_key(ONE, 1))
    await storage.write(lambda tx: tx.keys.save_data_key(TWO, 1))
    renewed = replace(ONE, master_key_id="new", wrapped="again")
    await storage.write(lambda tx: tx.keys.rewrap(renewed))
    assert await storage.read(lambda tx: tx.keys.data_keys()) == (renewed, TWO)
    assert await storage.read(lambda tx: tx.keys.master_key_ids()) == {"old", "new"}
    await storage.write(lambda tx: tx.keys.delete_data_key(TWO.id))
    assert await storage.read(lambda tx: tx.keys.data_key(TWO.id)) is None
    assert await storage.read(lambda tx: tx.keys.data_key(ONE.id)) == renewed


async def test_the_newest_signing_key_comes_first(storage: Storage) -> None:
    old, new = SigningKey("old", "pem"), SigningKey("new", "pem")
    await storage.write(lambda tx: tx.keys.save_signing_key(old, "sealed", 1))
    await storage.write(lambda tx: tx.keys.save_signing_key(new, "sealed", 2))
    assert await storage.read(lambda tx: tx.keys.signing_keys()) == (
        (new, "sealed"),
        (old, "sealed"),
    )
