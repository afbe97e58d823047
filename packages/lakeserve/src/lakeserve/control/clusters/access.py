"""What a caller may do with a cluster, and the errors that say so without saying too much."""

from lakeserve.core.clusters import Cluster, cluster_level_of
from lakeserve.core.errors import InvalidParameter, PermissionDenied
from lakeserve.core.identity import Principal


def visible_cluster(cluster: Cluster | None, caller: Principal, cluster_id: str) -> Cluster:
    """The cluster, when there is one that the caller may see.

    Raises:
        InvalidParameter: There is none, or the caller may not know of it. Clients expect this
            class of error rather than that of other missing things.
    """
    if cluster is None or cluster_level_of(cluster, caller) is None:
        raise InvalidParameter(f"Cluster {cluster_id[:128]} does not exist")
    return cluster


def check_may_manage_cluster(cluster: Cluster, caller: Principal) -> None:
    """Refuse a caller who may see a cluster, but not change it.

    Raises:
        PermissionDenied: The caller may not.
    """
    if cluster_level_of(cluster, caller) != "CAN_MANAGE":
        raise PermissionDenied(f"{caller.name} does not have CAN_MANAGE on cluster '{cluster.id}'.")
