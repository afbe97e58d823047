import pytest
from lakeserve.control.identity.credentials import CredentialService
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.accounts import Account
from lakeserve.core.errors import PermissionDenied
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Snapshot
from lakeserve.storage.database import Storage

ADMIN = Principal("1", "admin@example.com", "Admin", admin=True)
ANNA = Principal("7", "anna@example.com", "Anna")
ROBOT = Account("8", "service_principal", "0f4d-robot", "Robot", 2)


class StillDirectory:
    """Knows nobody."""

    def snapshot(self) -> Snapshot:
        return Snapshot()

    async def refresh_principals(self) -> None:
        return


async def test_the_private_key_is_kept_encrypted_and_found_again(
    storage: Storage, vault: Vault
) -> None:
    await storage.write(lambda tx: tx.accounts.save(ROBOT))
    value, _ = await CredentialService(storage, StillDirectory(), vault).create_secret(
        ADMIN, ROBOT.id, None
    )
    for _ in range(2):
        service = CredentialService(storage, StillDirectory(), vault)
        assert await service.log_in(ROBOT.name, value, "http://host/oidc") is not None
    ((_, sealed),) = await storage.read(lambda tx: tx.keys.signing_keys())
    assert "PRIVATE KEY" not in sealed
    assert "PRIVATE KEY" in await vault.unseal(sealed)
    assert len(await service.public_keys()) == 1


async def test_who_may_log_in(storage: Storage, vault: Vault) -> None:
    service = CredentialService(storage, StillDirectory(), vault)
    await storage.write(lambda tx: tx.accounts.save(ROBOT))
    value, _ = await service.create_secret(ADMIN, ROBOT.id, "60s")
    assert await service.log_in(ROBOT.name, value + "x", "i") is None
    assert await service.log_in("nobody", value, "i") is None
    with pytest.raises(PermissionDenied):
        await service.create_secret(ANNA, ROBOT.id, None)
    with pytest.raises(PermissionDenied):
        await service.secrets_of(ANNA, ROBOT.id)
    with pytest.raises(PermissionDenied):
        await service.delete_secret(ANNA, ROBOT.id, "x")


async def test_a_token_lives_no_longer_than_its_secret(storage: Storage, vault: Vault) -> None:
    service = CredentialService(storage, StillDirectory(), vault)
    await storage.write(lambda tx: tx.accounts.save(ROBOT))
    value, kept = await service.create_secret(ADMIN, ROBOT.id, "60s")
    short = await service.log_in(ROBOT.name, value, "i")
    assert short is not None
    assert short.lifetime_s <= 60
    assert await storage.read(lambda tx: tx.accounts.secret_owners()) == {kept.id: ROBOT.id}
    await service.delete_secret(ADMIN, ROBOT.id, kept.id)
    assert await storage.read(lambda tx: tx.accounts.secret_owners()) == {}
    assert await service.log_in(ROBOT.name, value, "i") is None
