from dataclasses import replace
from functools import partial

from databases import Database
from lakeserve.core.identity import Principal
from lakeserve.core.tokens import TokenFacts
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

ANNA = Principal("7", "anna@example.com", "Anna")
BOB = Principal("8", "bob@example.com", "Bob")
FIRST = TokenFacts("1" * 64, ANNA.id, "first", ANNA.id, 1)
SECOND = TokenFacts("2" * 64, BOB.id, "second", ANNA.id, 2, expires_at=50)


def save_user(user: Principal, transaction: Transaction) -> None:
    transaction.identity.save_user(user, 1)


async def test_tokens(storage: Storage) -> None:
    for user in (ANNA, BOB):
        await storage.write(partial(save_user, user))
    await storage.write(lambda tx: tx.tokens.create(FIRST, "digest-1"))
    await storage.write(lambda tx: tx.tokens.create(SECOND, "digest-2"))
    await storage.write(lambda tx: tx.identity.set_settings_token(ANNA.id, "digest-3", 3))

    assert (await storage.read(lambda tx: tx.tokens.all()))[:2] == (FIRST, SECOND)
    assert await storage.read(lambda tx: tx.tokens.of(BOB.id)) == (SECOND,)
    own = await storage.read(lambda tx: tx.tokens.of(ANNA.id))
    assert [facts.from_settings for facts in own] == [False, True]
    known = await storage.read(lambda tx: tx.identity.principals(49))
    assert known == {"digest-1": ANNA, "digest-2": BOB, "digest-3": ANNA}
    assert known["digest-2"].expires_at == 50
    assert set(await storage.read(lambda tx: tx.identity.principals(50))) == {
        "digest-1",
        "digest-3",
    }

    await storage.write(lambda tx: tx.tokens.set_comment(FIRST.id, "words"))
    found = await storage.read(lambda tx: tx.tokens.find(FIRST.id))
    assert found == replace(FIRST, comment="words")
    await storage.write(lambda tx: tx.tokens.delete(FIRST.id))
    assert await storage.read(lambda tx: tx.tokens.find(FIRST.id)) is None
    assert await storage.read(lambda tx: tx.identity.names()) == {"7": ANNA.name, "8": BOB.name}


async def test_a_user_who_is_not_active_has_no_valid_token(
    storage: Storage, migrated: Database
) -> None:
    await storage.write(lambda tx: tx.identity.save_user(ANNA, 1))
    await storage.write(lambda tx: tx.tokens.create(FIRST, "digest-1"))
    migrated.execute("UPDATE users SET active = :active", active=False)
    assert await storage.read(lambda tx: tx.identity.principals(2)) == {}
    assert await storage.read(lambda tx: tx.identity.active(ANNA.name)) is None
