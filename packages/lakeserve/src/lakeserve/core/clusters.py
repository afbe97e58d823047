"""Clusters as values: driver hosts that the driver proxy may reach, and who may reach them."""

from dataclasses import dataclass

from lakeserve.core.grants import CLUSTER_LEVELS, Grant, Grantees, Level, grantees
from lakeserve.core.identity import Principal


@dataclass(frozen=True, slots=True)
class Cluster:
    """A registered driver host.

    Attributes:
        id: The ``cluster_id`` of the proxy path.
        host: Host name or address of the driver; never a URL.
        tls: Whether the driver's apps speak https.
        ca_pem: Authorities that the driver's certificate is checked against; None for the system's.
        name: For people.
        creator: Who registered it, and may do everything with it.
        created_at: Epoch milliseconds.
        from_settings: Whether the settings name it, so that it cannot be removed elsewhere.
        grants: Beside what the creator and administrators may do.
    """

    id: str
    host: str
    tls: bool = False
    ca_pem: str | None = None
    name: str = ""
    creator: str = ""
    created_at: int = 0
    from_settings: bool = False
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class RoutableCluster:
    """A cluster as the driver proxy sees it.

    Attributes:
        callers: Those whose calls are forwarded; for others it does not exist.
    """

    id: str
    host: str
    callers: Grantees
    tls: bool = False
    ca_pem: str | None = None


def who_may_use(cluster: Cluster, level: Level) -> Grantees:
    """Those who have a level on a cluster, or one that includes it."""
    return grantees(cluster.creator, cluster.grants, level)


def cluster_level_of(cluster: Cluster, who: Principal) -> Level | None:
    """The highest level of a principal, or None when it may not even know of the cluster."""
    for level in reversed(CLUSTER_LEVELS):
        if who_may_use(cluster, level).include(who):
            return level
    return None


def routable_cluster(cluster: Cluster) -> RoutableCluster:
    """What the driver proxy needs of a cluster."""
    callers = who_may_use(cluster, "CAN_ATTACH_TO")
    return RoutableCluster(cluster.id, cluster.host, callers, cluster.tls, cluster.ca_pem)
