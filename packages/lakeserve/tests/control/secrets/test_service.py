from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest
from lakeserve.control.secrets import service as rules
from lakeserve.control.secrets.service import SecretService
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.errors import LimitReached, PermissionDenied
from lakeserve.core.identity import Principal
from lakeserve.core.secrets import Permission, SecretAcl
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

ADMIN = Principal("1", "admin@example.com", "Admin", admin=True)
ANNA = Principal("7", "anna@example.com", "Anna")
BOB = Principal("8", "bob@example.com", "Bob")

Call = Callable[[SecretService], Awaitable[object]]


def save_user(user: Principal, transaction: Transaction) -> None:
    transaction.identity.save_user(user, 1)


@pytest.fixture
async def service(storage: Storage, vault: Vault) -> SecretService:
    for user in (ADMIN, ANNA, BOB):
        await storage.write(partial(save_user, user))
    made = SecretService(storage, vault)
    await made.create_scope(ANNA, "scope", None)
    await made.put(ANNA, "scope", "key", b"value")
    return made


READING: list[Call] = [
    lambda service: service.get(BOB, "scope", "key"),
    lambda service: service.facts(BOB, "scope"),
]
WRITING: list[Call] = [
    lambda service: service.put(BOB, "scope", "key", b"another"),
    lambda service: service.delete(BOB, "scope", "key"),
]
MANAGING: list[Call] = [
    lambda service: service.acls(BOB, "scope"),
    lambda service: service.acl(BOB, "scope", ANNA.name),
    lambda service: service.put_acl(BOB, "scope", SecretAcl("users", "READ")),
    lambda service: service.delete_acl(BOB, "scope", ANNA.name),
    lambda service: service.delete_scope(BOB, "scope"),
]


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        (None, []),
        ("READ", READING),
        ("WRITE", READING + WRITING),
        ("MANAGE", READING + WRITING + MANAGING),
    ],
)
async def test_what_each_permission_allows(
    service: SecretService, granted: Permission | None, allowed: list[Call]
) -> None:
    if granted is not None:
        await service.put_acl(ANNA, "scope", SecretAcl(BOB.name, granted))
    assert [scope.name for scope in await service.scopes(BOB)] == (["scope"] if granted else [])
    for call in READING + WRITING + MANAGING:
        if call in allowed:
            await call(service)
        else:
            with pytest.raises(PermissionDenied, match=r"bob@example\.com does not have"):
                await call(service)


async def test_groups_count(service: SecretService) -> None:
    member = replace(BOB, groups=("team",))
    await service.put_acl(ANNA, "scope", SecretAcl("users", "READ"))
    assert await service.get(BOB, "scope", "key") == b"value"
    with pytest.raises(PermissionDenied, match="WRITE"):
        await service.put(member, "scope", "key", b"x")


async def test_administrators_manage_everything(service: SecretService) -> None:
    assert await service.get(ADMIN, "scope", "key") == b"value"
    await service.delete_scope(ADMIN, "scope")
    assert await service.scopes(ADMIN) == []


async def test_everyone_manages_a_scope_of_the_users(service: SecretService) -> None:
    await service.create_scope(ANNA, "open", "users")
    assert await service.acls(BOB, "open") == (SecretAcl("users", "MANAGE"),)


async def test_there_is_an_end(service: SecretService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_SCOPES", 1)
    monkeypatch.setattr(rules, "MOST_KEYS", 1)
    with pytest.raises(LimitReached):
        await service.create_scope(ANNA, "second", None)
    with pytest.raises(LimitReached):
        await service.put(ANNA, "scope", "second", b"value")
    await service.put(ANNA, "scope", "key", b"again")
