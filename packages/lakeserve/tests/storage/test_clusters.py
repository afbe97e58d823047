from dataclasses import replace

from lakeserve.core.clusters import Cluster
from lakeserve.core.grants import Grant
from lakeserve.storage.database import Storage

ONE = Cluster("one", "127.0.0.1", name="One", creator="c", created_at=1, from_settings=True)
TWO = replace(ONE, id="two", host="driver.example", tls=True, ca_pem="-----BEGIN")
OWN = replace(ONE, id="own", from_settings=False)
ATTACH = Grant("user", "anna", "CAN_ATTACH_TO")


async def all_of(storage: Storage) -> tuple[Cluster, ...]:
    return await storage.read(lambda tx: tx.clusters.all())


async def test_the_newest_settings_are_the_only_ones(storage: Storage) -> None:
    await storage.write(lambda tx: tx.clusters.configure([TWO, ONE]))
    assert await all_of(storage) == (ONE, TWO)
    later = replace(TWO, host="other", created_at=9)
    await storage.write(lambda tx: tx.clusters.configure([later]))
    assert await all_of(storage) == (replace(TWO, host="other"),)
    await storage.write(lambda tx: tx.clusters.configure([]))
    assert await all_of(storage) == ()


async def test_registered_clusters_outlive_the_settings(storage: Storage) -> None:
    await storage.write(lambda tx: tx.clusters.save(OWN))
    await storage.write(lambda tx: tx.clusters.configure([ONE]))
    assert await all_of(storage) == (ONE, OWN)
    # Settings that name it take it over.
    taken = replace(OWN, host="elsewhere", from_settings=True)
    await storage.write(lambda tx: tx.clusters.configure([taken]))
    assert await all_of(storage) == (taken,)


async def test_grants_come_and_go_with_their_cluster(storage: Storage) -> None:
    await storage.write(lambda tx: tx.clusters.configure([ONE, TWO]))
    await storage.write(lambda tx: tx.grants.replace_on("clusters", "one", [ATTACH]))
    assert await all_of(storage) == (replace(ONE, grants=(ATTACH,)), TWO)
    await storage.write(lambda tx: tx.clusters.configure([ONE]))
    found = await storage.read(lambda tx: tx.clusters.find("one"))
    assert found == replace(ONE, grants=(ATTACH,))
    assert await storage.read(lambda tx: tx.clusters.find("two")) is None
    await storage.write(lambda tx: tx.clusters.delete("one"))
    await storage.write(lambda tx: tx.clusters.save(ONE))
    assert await all_of(storage) == (ONE,)
