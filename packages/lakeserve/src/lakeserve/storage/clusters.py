"""Driver hosts that the driver proxy may reach."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from lakeserve.core.endpoints import Cluster
from lakeserve.storage.tables import clusters


class ClusterRepository:
    """Reads and writes registered driver hosts inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[Cluster, ...]:
        """Every cluster, by id."""
        rows = self._connection.execute(select(clusters).order_by(clusters.c.id))
        return tuple(
            Cluster(id=row.id, host=row.host, tls=row.tls, ca_file=row.ca_file) for row in rows
        )

    def replace_all(self, wanted: Iterable[Cluster]) -> None:
        """Make these the only clusters."""
        self._connection.execute(delete(clusters))
        for cluster in wanted:
            self._connection.execute(
                insert(clusters),
                {
                    "id": cluster.id,
                    "host": cluster.host,
                    "tls": cluster.tls,
                    "ca_file": cluster.ca_file,
                },
            )
