from typing import Any

import pytest
from lakeserve.control.bootstrap import ADMINISTRATOR
from lakeserve.control.permissions.objects import Endpoints
from lakeserve.control.permissions.service import PermissionService
from lakeserve.core.accounts import Account, Group
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.errors import InvalidParameter, PermissionDenied, ResourceMissing
from lakeserve.core.grants import Grant
from lakeserve.core.identity import Principal
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

OWNER = Principal("2001", "owner@example.com", "Owner")
ANNA = Principal("2002", "anna@example.com", "Anna")
QUERY = Grant("user", ANNA.name, "CAN_QUERY")
TEAM = Grant("group", "team", "CAN_VIEW")
ROBOT = Grant("service_principal", "robot", "CAN_MANAGE")
MINE = Endpoint("e" * 32, "mine", "llm/v1/chat", "EXTERNAL_MODEL", OWNER.name, 1, 1, ())
BUILT_IN = Endpoint("b" * 32, "b", "llm/v1/chat", "FOUNDATION_MODEL_API", "System-User", 1, 1, ())


@pytest.fixture
async def service(storage: Storage, changes: Any) -> PermissionService:
    def work(transaction: Transaction) -> None:
        for user in (ADMINISTRATOR, OWNER, ANNA):
            transaction.identity.save_user(user, 1)
        transaction.accounts.save(Account("3001", "service_principal", "robot", "Robot", 1))
        transaction.accounts.save_group(Group("4001", "team", 1))
        transaction.endpoints.save(MINE)
        transaction.endpoints.save(BUILT_IN)

    await storage.write(work)
    return PermissionService(storage, Endpoints(changes))


async def test_replacing_and_adding(service: PermissionService, changes: Any) -> None:
    first = await service.replace(MINE.id, [QUERY, TEAM], OWNER)
    assert first.object.grants == (TEAM, QUERY)
    assert {each.display_name for each in first.accounts.values()} == {"Owner", "Anna"}
    raised = Grant("user", ANNA.name, "CAN_MANAGE")
    second = await service.add(MINE.id, [ROBOT, raised], ADMINISTRATOR)
    assert second.object.grants == (TEAM, ROBOT, raised)
    # Anna may manage now, even what she herself may do.
    third = await service.replace(MINE.id, [], ANNA)
    assert third.object.grants == ()
    assert changes.heard == 3
    assert (await service.get(MINE.id, OWNER)).object.id == MINE.id


async def test_the_creator_needs_no_grant_and_gets_none(service: PermissionService) -> None:
    less = Grant("user", OWNER.name, "CAN_VIEW")
    assert (await service.replace(MINE.id, [less], OWNER)).object.grants == ()
    await service.check_may_see(MINE.id, OWNER)


async def test_who_may_not(service: PermissionService, changes: Any) -> None:
    def calls() -> list[Any]:
        return [
            service.get(MINE.id, ANNA),
            service.replace(MINE.id, [QUERY], ANNA),
            service.add(MINE.id, [QUERY], ANNA),
        ]

    for call in [*calls(), service.check_may_see(MINE.id, ANNA)]:
        with pytest.raises(ResourceMissing, match=f"Endpoint with ID '{MINE.id}' does not exist"):
            await call
    await service.replace(MINE.id, [QUERY], OWNER)
    for call in calls():
        with pytest.raises(PermissionDenied, match="does not have CAN_MANAGE on 'mine'"):
            await call
    await service.check_may_see(MINE.id, ANNA)
    assert changes.heard == 1


async def test_built_in_endpoints(service: PermissionService) -> None:
    assert (await service.get(BUILT_IN.id, ANNA)).object.is_built_in
    for who in (ANNA, ADMINISTRATOR):
        with pytest.raises(InvalidParameter, match="built-in"):
            await service.replace(BUILT_IN.id, [QUERY], who)


@pytest.mark.parametrize(
    ("grants", "text"),
    [
        ([Grant("user", "nobody", "CAN_VIEW")], "0.user_name' names 'nobody': there is no user"),
        (
            [QUERY, Grant("group", "none", "CAN_VIEW")],
            "1.group_name' names 'none': there is no gro",
        ),
        ([Grant("service_principal", ANNA.name, "CAN_VIEW")], "there is no service principal of"),
        ([Grant("user", "users", "CAN_VIEW")], "names 'users': there is no user"),
        ([QUERY, Grant("user", ANNA.name, "CAN_VIEW")], "a second time"),
    ],
)
async def test_names_must_exist(
    service: PermissionService, changes: Any, grants: list[Grant], text: str
) -> None:
    with pytest.raises(InvalidParameter, match=text):
        await service.add(MINE.id, grants, OWNER)
    assert (await service.get(MINE.id, OWNER)).object.grants == ()
    assert changes.heard == 0
