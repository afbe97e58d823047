from dataclasses import replace
from functools import partial

from lakeserve.core.identity import Principal
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

ADMIN = Principal(id="7", name="a@example.com", display_name="A", admin=True)


def set_token(digest: str, transaction: Transaction) -> None:
    transaction.identity.set_settings_token("7", digest, 1)


async def test_the_token_of_the_settings_replaces_the_one_before(storage: Storage) -> None:
    await storage.write(lambda tx: tx.identity.save_user(ADMIN, 1))
    for digest in ("first", "first", "second"):
        await storage.write(partial(set_token, digest))
    assert await storage.read(lambda tx: tx.identity.principals(1)) == {"second": ADMIN}


async def test_a_user_can_be_written_again(storage: Storage) -> None:
    await storage.write(lambda tx: tx.identity.save_user(ADMIN, 1))
    await storage.write(lambda tx: tx.identity.set_settings_token("7", "digest", 1))
    renamed = replace(ADMIN, name="b@example.com", admin=False)
    await storage.write(lambda tx: tx.identity.save_user(renamed, 2))
    assert await storage.read(lambda tx: tx.identity.principals(1)) == {"digest": renamed}
