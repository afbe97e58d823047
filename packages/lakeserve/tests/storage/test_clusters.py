from lakeserve.core.endpoints import Cluster
from lakeserve.storage.database import Storage

ONE = Cluster("one", "127.0.0.1")
TWO = Cluster("two", "driver.example", tls=True, ca_file="/etc/ca.pem")


async def test_the_newest_clusters_are_the_only_ones(storage: Storage) -> None:
    await storage.write(lambda tx: tx.clusters.replace_all([TWO, ONE]))
    assert await storage.read(lambda tx: tx.clusters.all()) == (ONE, TWO)
    await storage.write(lambda tx: tx.clusters.replace_all([TWO]))
    assert await storage.read(lambda tx: tx.clusters.all()) == (TWO,)
    await storage.write(lambda tx: tx.clusters.replace_all([]))
    assert await storage.read(lambda tx: tx.clusters.all()) == ()
