"""Driver hosts that the driver proxy may reach."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from lakeserve.core.clusters import Cluster
from lakeserve.storage.changes import note
from lakeserve.storage.grants import GrantRepository
from lakeserve.storage.tables import clusters


class ClusterRepository:
    """Reads and writes registered driver hosts inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._grants = GrantRepository(connection)

    def all(self) -> tuple[Cluster, ...]:
        """Every cluster with its grants, by id."""
        return self._select()

    def find(self, cluster_id: str) -> Cluster | None:
        """The cluster of that id, with its grants."""
        return next(iter(self._select(clusters.c.id == cluster_id)), None)

    def save(self, cluster: Cluster) -> None:
        """Write a cluster, in place of the one of its id; its grants stay."""
        note(self._connection, "cluster", cluster.id)
        values = {
            "host": cluster.host,
            "tls": cluster.tls,
            "ca_pem": cluster.ca_pem,
            "name": cluster.name,
            "creator": cluster.creator,
            "created_at": cluster.created_at,
            "from_settings": cluster.from_settings,
        }
        changed = self._connection.execute(
            update(clusters)
            .where(clusters.c.id == cluster.id)
            .values(values)
            .returning(clusters.c.id)
        )
        if changed.first() is None:
            self._connection.execute(insert(clusters), {"id": cluster.id, **values})

    def delete(self, cluster_id: str) -> None:
        """Forget a cluster and what was granted on it."""
        note(self._connection, "cluster", cluster_id)
        self._connection.execute(delete(clusters).where(clusters.c.id == cluster_id))
        self._grants.replace_on("clusters", cluster_id, ())

    def configure(self, wanted: Iterable[Cluster]) -> None:
        """Make these the only clusters of the settings; others stay, unless they have an id of one.

        What was granted on a cluster that is wanted again stays.
        """
        stored = {cluster.id: cluster for cluster in self.all()}
        for cluster in wanted:
            known = stored.pop(cluster.id, None)
            created_at = cluster.created_at if known is None else known.created_at
            self.save(
                Cluster(
                    id=cluster.id,
                    host=cluster.host,
                    tls=cluster.tls,
                    ca_pem=cluster.ca_pem,
                    name=cluster.name,
                    creator=cluster.creator,
                    created_at=created_at,
                    from_settings=True,
                )
            )
        for forgotten in stored.values():
            if forgotten.from_settings:
                self.delete(forgotten.id)

    def _select(self, *conditions: ColumnElement[bool]) -> tuple[Cluster, ...]:
        rows = self._connection.execute(
            select(clusters).where(*conditions).order_by(clusters.c.id)
        ).all()
        grants = self._grants.all_on("clusters")
        return tuple(
            Cluster(
                id=row.id,
                host=row.host,
                tls=row.tls,
                ca_pem=row.ca_pem,
                name=row.name,
                creator=row.creator,
                created_at=row.created_at,
                from_settings=row.from_settings,
                grants=grants.get(row.id, ()),
            )
            for row in rows
        )
