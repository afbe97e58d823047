import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from lakeserve.control.bootstrap import ADMINISTRATOR
from lakeserve.control.secrets.service import SecretService
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.crypto import KeyRing, new_master_key
from lakeserve.core.errors import (
    ConfigurationError,
    Internal,
    InvalidParameter,
    PermissionDenied,
)
from lakeserve.core.identity import Principal
from lakeserve.core.ports import SecretResolver
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

ANNA = Principal("7", "anna@example.com", "Anna")


def save_user(user: Principal, transaction: Transaction) -> None:
    transaction.identity.save_user(user, 1)


@pytest.fixture
async def service(storage: Storage, vault: Vault) -> SecretService:
    for user in (ADMINISTRATOR, ANNA):
        await storage.write(partial(save_user, user))
    service = SecretService(storage, vault)
    await service.create_scope(ADMINISTRATOR, "team/scope", None)
    await service.put(ADMINISTRATOR, "team/scope", "key", b"sk-secret")
    return service


@pytest.mark.usefixtures("service")
async def test_references(vault: Vault, tmp_path: Path) -> None:
    resolver: SecretResolver = vault
    reference = "{{secrets/team/scope/key}}"
    assert await resolver.resolve(reference, ADMINISTRATOR.name) == "sk-secret"
    with pytest.raises(PermissionDenied, match=r"anna@example\.com does not have READ"):
        await resolver.resolve(reference, ANNA.name)
    with pytest.raises(PermissionDenied):
        await resolver.resolve(reference, "nobody@example.com")
    for wrong in ("sk-plain", "{{secrets/other/key}}", "{{secrets/team/scope/other}}"):
        with pytest.raises(InvalidParameter):
            await resolver.resolve(wrong, ADMINISTRATOR.name)
    with closing(sqlite3.connect(tmp_path / "lakeserve.db")) as connection:
        assert "sk-secret" not in "\n".join(connection.iterdump())


async def test_a_secret_that_is_no_text(service: SecretService, vault: Vault) -> None:
    await service.put(ADMINISTRATOR, "team/scope", "bytes", b"\xff\x00")
    with pytest.raises(InvalidParameter, match="not UTF-8"):
        await vault.resolve("{{secrets/team/scope/bytes}}", ADMINISTRATOR.name)


async def test_sealing(vault: Vault, storage: Storage) -> None:
    sealed = await vault.seal("sk-plaintext")
    assert "sk-plaintext" not in sealed
    assert await vault.unseal(sealed) == "sk-plaintext"
    assert await vault.seal("sk-plaintext") != sealed
    another = Vault(storage, KeyRing([new_master_key()], "another.key"))
    with pytest.raises(ConfigurationError, match=r"not in another\.key"):
        await another.unseal(sealed)


async def test_a_sealed_text_cannot_be_changed_or_moved(vault: Vault) -> None:
    first, second = await vault.seal("one"), await vault.seal("two")
    moved = first.rsplit(":", 1)[0] + ":" + second.rsplit(":", 1)[1]
    for text in (moved, first[:-6] + "AAAAA=", "sealed:none:v1.x", "plain", ""):
        with pytest.raises(Internal, match="cannot be decrypted"):
            await vault.unseal(text)


@pytest.mark.usefixtures("service")
async def test_a_secret_cannot_be_moved_to_another_key(
    vault: Vault, storage: Storage, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "lakeserve.db")) as connection:
        connection.execute("UPDATE secrets SET key = 'moved'")
        connection.commit()
    with pytest.raises(Internal, match="secret team/scope moved was changed"):
        await vault.resolve("{{secrets/team/scope/moved}}", ADMINISTRATOR.name)
