import pytest
from lakeserve.control.identity.service import IdentityService
from lakeserve.core.errors import PermissionDenied, ResourceMissing
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Snapshot
from lakeserve.storage.database import Storage

ADMIN = Principal("1", "admin@example.com", "Admin", admin=True)
ANNA = Principal("7", "anna@example.com", "Anna")


class CountingDirectory:
    """Counts how often it was told of a change."""

    refreshes = 0

    def snapshot(self) -> Snapshot:
        return Snapshot()

    async def refresh_principals(self) -> None:
        self.refreshes += 1


async def test_changes_take_an_administrator_and_are_told(storage: Storage) -> None:
    directory = CountingDirectory()
    service = IdentityService(storage, directory)
    user = await service.create_account(ADMIN, "user", {"userName": "a"})
    team = (await service.create_group(ADMIN, {"displayName": "team"})).groups[0]
    assert directory.refreshes == 2
    for call in (
        service.create_account(ANNA, "user", {"userName": "b"}),
        service.update_account(ANNA, "user", user.id, {}),
        service.delete_account(ANNA, "user", user.id),
        service.create_group(ANNA, {"displayName": "b"}),
        service.update_group(ANNA, team.id, []),
        service.delete_group(ANNA, team.id),
    ):
        with pytest.raises(PermissionDenied, match="takes an administrator"):
            await call
    with pytest.raises(ResourceMissing, match="Service principal with id"):
        await service.account("service_principal", user.id)
    assert directory.refreshes == 2
