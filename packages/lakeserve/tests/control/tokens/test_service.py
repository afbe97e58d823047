from functools import partial

import pytest
from lakeserve.control.tokens.service import TokenService
from lakeserve.core.errors import PermissionDenied, ResourceMissing
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Snapshot
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

ANNA = Principal("7", "anna@example.com", "Anna")
BOB = Principal("8", "bob@example.com", "Bob")


def save_user(user: Principal, transaction: Transaction) -> None:
    transaction.identity.save_user(user, 1)


class CountingDirectory:
    """Counts how often it was told of a change."""

    refreshes = 0

    def snapshot(self) -> Snapshot:
        return Snapshot()

    async def refresh_principals(self) -> None:
        self.refreshes += 1


async def test_tokens_of_others_are_out_of_reach(storage: Storage) -> None:
    for user in (ANNA, BOB):
        await storage.write(partial(save_user, user))
    directory = CountingDirectory()
    service = TokenService(storage, directory)
    _, facts = await service.create(ANNA, "", None)
    assert directory.refreshes == 1
    assert await service.own(BOB) == ()
    with pytest.raises(ResourceMissing):
        await service.delete(BOB, facts.id, of_anyone=False)
    with pytest.raises(ResourceMissing):
        await service.set_comment(BOB, facts.id, "mine", of_anyone=False)
    for call in (
        service.delete(BOB, facts.id, of_anyone=True),
        service.set_comment(BOB, facts.id, "mine", of_anyone=True),
        service.everyones(BOB),
        service.find(BOB, facts.id),
        service.create_for(BOB, "application", "", None),
    ):
        with pytest.raises(PermissionDenied, match=r"bob@example\.com may not"):
            await call
    before = directory.refreshes
    await service.delete(ANNA, facts.id, of_anyone=False)
    with pytest.raises(ResourceMissing):
        await service.delete(ANNA, facts.id, of_anyone=False)
    assert directory.refreshes == before + 2
