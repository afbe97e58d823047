from typing import Any

import pytest
from lakeserve.control.bootstrap import ADMINISTRATOR
from lakeserve.control.clusters.service import (
    MOST_CLUSTERS,
    ClusterService,
    Registration,
    check_registration,
)
from lakeserve.core.certificates import present, self_signed
from lakeserve.core.clusters import Cluster
from lakeserve.core.errors import (
    InvalidParameter,
    LimitReached,
    PermissionDenied,
    ResourceExists,
)
from lakeserve.core.grants import Grant
from lakeserve.core.identity import Principal
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

ANNA = Principal("2002", "anna@example.com", "Anna")
ATTACH = Grant("user", ANNA.name, "CAN_ATTACH_TO")
BOX = Registration("0000-000000-box", "box.example", name="Box")


@pytest.fixture
def service(storage: Storage, changes: Any) -> ClusterService:
    return ClusterService(storage, changes)


async def test_registering_and_removing(
    service: ClusterService, storage: Storage, changes: Any
) -> None:
    made = await service.register(BOX, ADMINISTRATOR)
    assert (made.name, made.creator, made.from_settings) == ("Box", ADMINISTRATOR.name, False)
    assert await service.find(BOX.id, ADMINISTRATOR) == made
    with pytest.raises(ResourceExists, match="already exists"):
        await service.register(BOX, ADMINISTRATOR)
    await storage.write(lambda tx: tx.grants.replace_on("clusters", BOX.id, [ATTACH]))
    assert [each.id for each in await service.visible(ANNA)] == [BOX.id]
    with pytest.raises(PermissionDenied, match="CAN_MANAGE"):
        await service.remove(BOX.id, ANNA)
    await service.remove(BOX.id, ADMINISTRATOR)
    assert await service.visible(ADMINISTRATOR) == ()
    assert changes.heard == 2
    # Whoever comes back under that id begins with nothing.
    await service.register(BOX, ADMINISTRATOR)
    assert await service.visible(ANNA) == ()


async def test_who_may_register(service: ClusterService, changes: Any) -> None:
    with pytest.raises(PermissionDenied, match="administrator"):
        await service.register(BOX, ANNA)
    for call in (service.find(BOX.id, ANNA), service.remove(BOX.id, ANNA)):
        with pytest.raises(InvalidParameter, match=f"Cluster {BOX.id} does not exist"):
            await call
    assert changes.heard == 0


async def test_those_of_the_settings_stay(service: ClusterService, storage: Storage) -> None:
    await storage.write(lambda tx: tx.clusters.configure([Cluster("c", "h")]))
    with pytest.raises(InvalidParameter, match="setting 'clusters'"):
        await service.remove("c", ADMINISTRATOR)


async def test_there_is_an_end(service: ClusterService, storage: Storage) -> None:
    def work(transaction: Transaction) -> None:
        for number in range(MOST_CLUSTERS):
            transaction.clusters.save(Cluster(f"c{number}", "h"))

    await storage.write(work)
    with pytest.raises(LimitReached):
        await service.register(BOX, ADMINISTRATOR)


def test_authorities_are_certificates() -> None:
    pem, key = self_signed(["box"], present())
    check_registration(Registration("c", "h", True, pem))
    for text in ("nonsense", "ä", key, "x" * 300_000):
        with pytest.raises(InvalidParameter, match="'ca_pem'"):
            check_registration(Registration("c", "h", True, text))


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Registration("a/b", "h"), "'cluster_id' has the value 'a/b'"),
        (Registration("", "h"), "'cluster_id'"),
        (Registration("x" * 129, "h"), "'cluster_id'"),
        (Registration("c", "http://h"), "'host': 'http://h' is not a host name"),
        (Registration("c", ""), "'host'"),
        (Registration("c", "h", name="x" * 257), "'cluster_name' has a value of 257"),
        (Registration("c", "h", name="a\nb"), "'cluster_name'"),
    ],
)
def test_what_is_refused(wanted: Registration, text: str) -> None:
    with pytest.raises(InvalidParameter, match=text):
        check_registration(wanted)
