"""What has permissions: serving endpoints, clusters and the use of tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from lakeserve.control.authorization import require_admin
from lakeserve.control.clusters.access import check_may_manage_cluster
from lakeserve.control.endpoints.access import check_may_manage, visible
from lakeserve.core.clusters import Cluster, cluster_level_of
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.errors import ResourceMissing
from lakeserve.core.grants import Grant, Level
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Changes
from lakeserve.storage.transaction import Transaction

TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Protected:
    """A thing with permissions.

    Attributes:
        creator: Who may do everything with it; None when only administrators may.
        is_built_in: Whether everyone may use it and nobody may change that.
    """

    id: str
    creator: str | None
    grants: tuple[Grant, ...]
    is_built_in: bool = False


class ObjectKind(Protocol):
    """Things of one kind.

    Methods that take a caller raise ``ResourceMissing`` when there is nothing of that id that the
    caller may see, and ``PermissionDenied`` when the caller may see it, but not manage it.
    """

    @property
    def object_type(self) -> str:
        """How answers call the kind."""
        ...

    @property
    def root(self) -> str:
        """What comes before the id in answers; administrators inherit their rights from it."""
        ...

    @property
    def levels(self) -> Mapping[Level, str]:
        """The levels, from the least to the most, with a sentence each."""
        ...

    def seen(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """The thing, when the caller may see it."""
        ...

    def shown(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """The thing, when the caller may see who may do what with it."""
        ...

    def managed(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """The thing, when the caller may change who may do what with it."""
        ...

    def write(self, transaction: Transaction, object_id: str, grants: Iterable[Grant]) -> None:
        """Make these the only grants."""
        ...

    async def changed(self) -> None:
        """Let the grants count as they are stored now."""
        ...


class Endpoints:
    """Serving endpoints, by their ids."""

    object_type = "serving-endpoint"
    root = "/serving-endpoints/"
    levels: Mapping[Level, str] = {
        "CAN_VIEW": "Can view the endpoint",
        "CAN_QUERY": "Can query the endpoint",
        "CAN_MANAGE": "Can manage the endpoint",
    }

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def seen(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """See ``ObjectKind``."""
        return _protected_endpoint(_endpoint(transaction, object_id, caller))

    def shown(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """See ``ObjectKind``; the permissions of a built-in endpoint are no secret."""
        endpoint = _endpoint(transaction, object_id, caller)
        if endpoint.endpoint_type != "FOUNDATION_MODEL_API":
            check_may_manage(endpoint, caller)
        return _protected_endpoint(endpoint)

    def managed(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """See ``ObjectKind``."""
        endpoint = _endpoint(transaction, object_id, caller)
        check_may_manage(endpoint, caller)
        return _protected_endpoint(endpoint)

    def write(self, transaction: Transaction, object_id: str, grants: Iterable[Grant]) -> None:
        """See ``ObjectKind``."""
        transaction.grants.replace(object_id, grants)

    async def changed(self) -> None:
        """See ``ObjectKind``."""
        await self._changes.endpoints_changed()


class Clusters:
    """Clusters, by their ids."""

    object_type = "cluster"
    root = "/clusters/"
    levels: Mapping[Level, str] = {
        "CAN_ATTACH_TO": "Can call apps on the cluster's driver",
        "CAN_RESTART": "Can call apps on the cluster's driver; nothing here restarts clusters",
        "CAN_MANAGE": "Can manage the cluster",
    }

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def seen(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """See ``ObjectKind``."""
        return _protected_cluster(_cluster(transaction, object_id, caller))

    def shown(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """See ``ObjectKind``."""
        return self.managed(transaction, object_id, caller)

    def managed(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """See ``ObjectKind``."""
        cluster = _cluster(transaction, object_id, caller)
        check_may_manage_cluster(cluster, caller)
        return _protected_cluster(cluster)

    def write(self, transaction: Transaction, object_id: str, grants: Iterable[Grant]) -> None:
        """See ``ObjectKind``."""
        transaction.grants.replace_on("clusters", object_id, grants)

    async def changed(self) -> None:
        """See ``ObjectKind``."""
        await self._changes.clusters_changed()


class TokenUse:
    """The making of tokens: one thing, with the id ``tokens``."""

    object_type = "tokens"
    root = "/authorization/"
    levels: Mapping[Level, str] = {"CAN_USE": "Can make personal access tokens"}

    def seen(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """See ``ObjectKind``; everyone may know the levels."""
        del caller
        if object_id != TOKENS:
            raise ResourceMissing(f"Object '/authorization/{object_id}' does not exist.")
        grants = transaction.grants.all_on("authorization").get(TOKENS, ())
        return Protected(TOKENS, None, grants)

    def shown(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """See ``ObjectKind``."""
        return self.managed(transaction, object_id, caller)

    def managed(self, transaction: Transaction, object_id: str, caller: Principal) -> Protected:
        """See ``ObjectKind``."""
        found = self.seen(transaction, object_id, caller)
        require_admin(caller, "see or change who may make tokens")
        return found

    def write(self, transaction: Transaction, object_id: str, grants: Iterable[Grant]) -> None:
        """See ``ObjectKind``."""
        transaction.grants.replace_on("authorization", object_id, grants)

    async def changed(self) -> None:
        """See ``ObjectKind``; whoever makes a token is asked anew each time."""


def _endpoint(transaction: Transaction, endpoint_id: str, caller: Principal) -> Endpoint:
    return visible(transaction.endpoints.with_id(endpoint_id), caller, f"ID '{endpoint_id}'")


def _protected_endpoint(endpoint: Endpoint) -> Protected:
    is_built_in = endpoint.endpoint_type == "FOUNDATION_MODEL_API"
    return Protected(endpoint.id, endpoint.creator, endpoint.grants, is_built_in)


def _cluster(transaction: Transaction, cluster_id: str, caller: Principal) -> Cluster:
    cluster = transaction.clusters.find(cluster_id)
    if cluster is None or cluster_level_of(cluster, caller) is None:
        raise ResourceMissing(f"Cluster '{cluster_id[:128]}' does not exist.")
    return cluster


def _protected_cluster(cluster: Cluster) -> Protected:
    return Protected(cluster.id, cluster.creator, cluster.grants)
