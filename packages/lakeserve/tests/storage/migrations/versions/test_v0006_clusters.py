from databases import Database
from lakeserve.core.clusters import Cluster
from lakeserve.core.grants import Grant


async def test_clusters_of_the_settings_are_made_anew_and_everyone_may_make_tokens(
    database: Database,
) -> None:
    database.bring_to("0005")
    database.insert("clusters", id="one", host="127.0.0.1", tls=False, ca_file="/etc/ca.pem")
    storage = await database.open()
    assert await storage.read(lambda tx: tx.clusters.all()) == ()
    cluster = Cluster("own", "127.0.0.1")
    await storage.write(lambda tx: tx.clusters.save(cluster))
    assert await storage.read(lambda tx: tx.clusters.all()) == (cluster,)
    everyone = Grant("group", "users", "CAN_USE")
    granted = await storage.read(lambda tx: tx.grants.all_on("authorization"))
    assert granted == {"tokens": (everyone,)}
    await storage.close()
