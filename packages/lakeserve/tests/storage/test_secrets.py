from databases import Database
from lakeserve.core.crypto import DataKey
from lakeserve.core.secrets import SecretAcl, SecretFacts, SecretScope
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

SCOPE = SecretScope("team/scope", "anna@example.com", 1)
FIRST = DataKey("1" * 32, "master", "wrapped-1")
SECOND = DataKey("2" * 32, "master", "wrapped-2")


async def test_scopes(storage: Storage) -> None:
    other = SecretScope("another", "anna@example.com", 2)

    def work(transaction: Transaction) -> None:
        transaction.secrets.create_scope(SCOPE)
        transaction.secrets.create_scope(other)

    await storage.write(work)
    assert await storage.read(lambda tx: tx.secrets.scopes()) == (other, SCOPE)
    assert await storage.read(lambda tx: tx.secrets.count_scopes()) == 2
    assert await storage.read(lambda tx: tx.secrets.has_scope("another"))
    assert not await storage.read(lambda tx: tx.secrets.has_scope("nobody"))


async def test_a_new_value_takes_the_old_one_and_its_key_away(storage: Storage) -> None:
    await storage.write(lambda tx: tx.secrets.create_scope(SCOPE))
    await storage.write(lambda tx: tx.secrets.put(SCOPE.name, "key", FIRST, "old", 1))
    await storage.write(lambda tx: tx.secrets.put(SCOPE.name, "key", SECOND, "new", 2))
    assert await storage.read(lambda tx: tx.secrets.find(SCOPE.name, "key")) == (SECOND, "new")
    assert await storage.read(lambda tx: tx.secrets.facts(SCOPE.name)) == (SecretFacts("key", 2),)
    assert await storage.read(lambda tx: tx.keys.data_keys()) == (SECOND,)

    assert await storage.write(lambda tx: tx.secrets.delete(SCOPE.name, "key"))
    assert not await storage.write(lambda tx: tx.secrets.delete(SCOPE.name, "key"))
    assert await storage.read(lambda tx: tx.secrets.find(SCOPE.name, "key")) is None


async def test_a_scope_takes_everything_along(storage: Storage, migrated: Database) -> None:
    await storage.write(lambda tx: tx.secrets.create_scope(SCOPE))
    await storage.write(lambda tx: tx.secrets.put(SCOPE.name, "key", FIRST, "text", 1))
    await storage.write(lambda tx: tx.secrets.put_acl(SCOPE.name, SecretAcl("users", "READ")))
    await storage.write(lambda tx: tx.secrets.delete_scope(SCOPE.name))
    for table in ("secret_scopes", "secrets", "secret_acls", "data_keys"):
        assert migrated.rows(f"SELECT * FROM {table}") == []


async def test_acls(storage: Storage) -> None:
    await storage.write(lambda tx: tx.secrets.create_scope(SCOPE))

    def work(transaction: Transaction) -> None:
        for acl in (SecretAcl("users", "READ"), SecretAcl("a", "WRITE"), SecretAcl("a", "MANAGE")):
            transaction.secrets.put_acl(SCOPE.name, acl)

    await storage.write(work)
    assert await storage.read(lambda tx: tx.secrets.acls(SCOPE.name)) == (
        SecretAcl("a", "MANAGE"),
        SecretAcl("users", "READ"),
    )
    everything = await storage.read(lambda tx: tx.secrets.all_acls())
    assert everything[SCOPE.name] == list(
        await storage.read(lambda tx: tx.secrets.acls(SCOPE.name))
    )
    assert await storage.write(lambda tx: tx.secrets.delete_acl(SCOPE.name, "a"))
    assert not await storage.write(lambda tx: tx.secrets.delete_acl(SCOPE.name, "a"))
