from dataclasses import replace

from lakeserve.core.accounts import Account, ClientSecret, Group
from lakeserve.core.secrets import SecretAcl, SecretScope
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

ANNA = Account("7", "user", "anna@example.com", "Anna", 1, admin=True)
ROBOT = Account("8", "service_principal", "0f4d-robot", "Robot", 2, external_id="x")
TEAM = Group("9", "team", 3, member_ids=("7", "8"))


async def fill(storage: Storage) -> None:
    def work(transaction: Transaction) -> None:
        transaction.accounts.save(ANNA)
        transaction.accounts.save(ROBOT)
        transaction.accounts.save_group(TEAM)

    await storage.write(work)


async def test_accounts(storage: Storage) -> None:
    await fill(storage)
    assert await storage.read(lambda tx: tx.accounts.all("user")) == (ANNA,)
    assert await storage.read(lambda tx: tx.accounts.all("service_principal")) == (ROBOT,)
    assert await storage.read(lambda tx: tx.accounts.find("8")) == ROBOT
    assert await storage.read(lambda tx: tx.accounts.find("8", "user")) is None
    assert await storage.read(lambda tx: tx.accounts.named(ROBOT.name)) == ROBOT

    idle = replace(ROBOT, active=False, display_name="Idle")
    await storage.write(lambda tx: tx.accounts.save(idle))
    assert await storage.read(lambda tx: tx.accounts.find("8")) == idle
    assert await storage.read(lambda tx: tx.identity.service_principals()) == {}
    await storage.write(lambda tx: tx.accounts.delete("8"))
    assert await storage.read(lambda tx: tx.accounts.find("8")) is None


async def test_groups(storage: Storage) -> None:
    await fill(storage)
    groups = await storage.read(lambda tx: tx.accounts.groups())
    assert [(group.name, group.member_ids) for group in groups] == [
        ("users", ("7", "8")),
        ("admins", ("7",)),
        ("team", ("7", "8")),
    ]
    robots = await storage.read(lambda tx: tx.identity.service_principals())
    assert robots[ROBOT.name].groups == ("team",)
    active = await storage.read(lambda tx: tx.identity.active(ANNA.name))
    assert active is not None
    assert (active.admin, active.groups) == (True, ("team",))

    renamed = replace(TEAM, name="crew", member_ids=("8",))
    await storage.write(lambda tx: tx.accounts.save_group(renamed))
    await storage.write(lambda tx: tx.accounts.save_group(replace(groups[1], member_ids=("8",))))
    await storage.write(lambda tx: tx.accounts.save_group(replace(groups[0], member_ids=())))
    groups = await storage.read(lambda tx: tx.accounts.groups())
    assert [group.member_ids for group in groups] == [("7", "8"), ("8",), ("8",)]
    await storage.write(lambda tx: tx.accounts.delete_group(TEAM.id))
    assert len(await storage.read(lambda tx: tx.accounts.groups())) == 2
    assert await storage.read(lambda tx: tx.accounts.find("8")) is not None


async def test_client_secrets(storage: Storage) -> None:
    await fill(storage)
    first = ClientSecret("one", "8", "digest-1", 1, expires_at=9)
    second = ClientSecret("two", "8", "digest-2", 2)
    await storage.write(lambda tx: tx.accounts.save_client_secret(first))
    await storage.write(lambda tx: tx.accounts.save_client_secret(second))
    assert await storage.read(lambda tx: tx.accounts.client_secrets("8")) == (first, second)
    assert await storage.write(lambda tx: tx.accounts.delete_client_secret("8", "one"))
    assert not await storage.write(lambda tx: tx.accounts.delete_client_secret("7", "two"))
    await storage.write(lambda tx: tx.accounts.delete("8"))
    assert await storage.read(lambda tx: tx.accounts.client_secrets("8")) == ()


async def test_names_that_grants_go_by(storage: Storage) -> None:
    await fill(storage)
    names = ("users", "admins", "team", ANNA.name, ROBOT.name, "Anna")
    known = await storage.read(lambda tx: [name for name in names if tx.identity.knows(name)])
    assert known == [*names[:-1]]
    await storage.write(lambda tx: tx.secrets.create_scope(SecretScope("s", "a", 1)))
    await storage.write(lambda tx: tx.secrets.put_acl("s", SecretAcl("team", "READ")))
    await storage.write(lambda tx: tx.secrets.rename_principal("team", "crew"))
    assert await storage.read(lambda tx: tx.secrets.acls("s")) == (SecretAcl("crew", "READ"),)
    await storage.write(lambda tx: tx.secrets.forget_principal("crew"))
    assert await storage.read(lambda tx: tx.secrets.acls("s")) == ()
