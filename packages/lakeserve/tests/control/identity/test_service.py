from typing import Any

import pytest
from lakeserve.control.identity.scim import Operation
from lakeserve.control.identity.service import IdentityService
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.errors import PermissionDenied, ResourceMissing
from lakeserve.core.grants import Grant
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


async def test_changes_take_an_administrator_and_are_told(storage: Storage, changes: Any) -> None:
    directory = CountingDirectory()
    service = IdentityService(storage, directory, changes)
    user = await service.create_account(ADMIN, "user", {"userName": "a"})
    team = (await service.create_group(ADMIN, {"displayName": "team"})).groups[0]
    assert (directory.refreshes, changes.heard) == (2, 0)
    for call in (
        service.create_account(ANNA, "user", {"userName": "b"}),
        service.update_account(ANNA, "user", user.id, []),
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


async def test_grants_go_with_their_principal(storage: Storage, changes: Any) -> None:
    service = IdentityService(storage, CountingDirectory(), changes)
    user = await service.create_account(ADMIN, "user", {"userName": "a"})
    robot = await service.create_account(ADMIN, "service_principal", {"applicationId": "r"})
    team = (await service.create_group(ADMIN, {"displayName": "team"})).groups[0]
    granted = Endpoint(
        *("e", "n", "llm/v1/chat", "EXTERNAL_MODEL", "c", 1, 1, ()),
        grants=(
            Grant("group", "team", "CAN_QUERY"),
            Grant("service_principal", "r", "CAN_VIEW"),
            Grant("user", "a", "CAN_MANAGE"),
        ),
    )
    await storage.write(lambda tx: tx.endpoints.save(granted))

    async def grantees() -> list[str]:
        (found,) = await storage.read(lambda tx: tx.endpoints.all())
        return [grant.name for grant in found.grants]

    members = Operation("replace", "members", [{"value": user.id}])
    await service.update_group(ADMIN, team.id, [members])
    assert (changes.heard, await grantees()) == (0, ["team", "r", "a"])
    await service.update_group(ADMIN, team.id, [Operation("replace", "displayName", "crew")])
    assert (changes.heard, await grantees()) == (1, ["crew", "r", "a"])
    await service.delete_group(ADMIN, team.id)
    await service.delete_account(ADMIN, "user", user.id)
    await service.delete_account(ADMIN, "service_principal", robot.id)
    assert (changes.heard, await grantees()) == (4, [])
