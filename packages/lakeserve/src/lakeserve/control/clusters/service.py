"""The rules of clusters: who registers driver hosts, and who sees them."""

import re
import ssl
from dataclasses import dataclass

from pydantic import ValidationError

from lakeserve.control.authorization import require_admin
from lakeserve.control.clusters.access import check_may_manage_cluster, visible_cluster
from lakeserve.core.clusters import Cluster, cluster_level_of
from lakeserve.core.errors import InvalidParameter, LimitReached, ResourceExists
from lakeserve.core.identity import Principal
from lakeserve.core.ids import now_ms
from lakeserve.core.ports import Changes
from lakeserve.settings import DriverHost
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

MOST_CLUSTERS = 1000
NAME_CHARACTERS = 256
PEM_BYTES = 256 * 1024
REGISTER = "register and remove clusters, because calls of them leave from this machine"

_CLUSTER_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True, slots=True)
class Registration:
    """What somebody wants to register; see :class:`Cluster`."""

    id: str
    host: str
    tls: bool = False
    ca_pem: str | None = None
    name: str = ""


class ClusterService:
    """Registers, shows and removes clusters; every change counts at once.

    Args:
        storage: Where clusters lie.
        changes: Hears of every change.
    """

    def __init__(self, storage: Storage, changes: Changes) -> None:
        self._storage = storage
        self._changes = changes

    async def visible(self, caller: Principal) -> tuple[Cluster, ...]:
        """The clusters that the caller may see, by id."""
        found = await self._storage.read(lambda transaction: transaction.clusters.all())
        return tuple(each for each in found if cluster_level_of(each, caller) is not None)

    async def find(self, cluster_id: str, caller: Principal) -> Cluster:
        """One cluster.

        Raises:
            InvalidParameter: There is none that the caller may see.
        """
        found = await self._storage.read(lambda tx: tx.clusters.find(cluster_id))
        return visible_cluster(found, caller, cluster_id)

    async def register(self, wanted: Registration, caller: Principal) -> Cluster:
        """Add a cluster.

        Raises:
            PermissionDenied: The caller is no administrator.
            InvalidParameter: A value is not accepted.
            ResourceExists: There is one of that id.
            LimitReached: There are as many as there can be.
        """
        require_admin(caller, REGISTER)
        check_registration(wanted)
        cluster = Cluster(
            id=wanted.id,
            host=wanted.host,
            tls=wanted.tls,
            ca_pem=wanted.ca_pem,
            name=wanted.name or wanted.id,
            creator=caller.name,
            created_at=now_ms(),
        )

        def work(transaction: Transaction) -> None:
            stored = transaction.clusters.all()
            if any(each.id == cluster.id for each in stored):
                raise ResourceExists(
                    f"Cluster '{cluster.id}' already exists; remove it first to change its host."
                )
            if len(stored) >= MOST_CLUSTERS:
                raise LimitReached(f"There are {MOST_CLUSTERS} clusters, the most there can be.")
            transaction.clusters.save(cluster)

        await self._storage.write(work)
        await self._changes.clusters_changed()
        return cluster

    async def remove(self, cluster_id: str, caller: Principal) -> None:
        """Forget a cluster and what was granted on it.

        Raises:
            InvalidParameter: There is none that the caller may see, or the settings name it.
            PermissionDenied: The caller may not manage it.
        """

        def work(transaction: Transaction) -> None:
            found = visible_cluster(transaction.clusters.find(cluster_id), caller, cluster_id)
            check_may_manage_cluster(found, caller)
            if found.from_settings:
                raise InvalidParameter(
                    f"Cluster '{cluster_id}' comes from the setting 'clusters' and would be back"
                    " at the next start; remove it there."
                )
            transaction.clusters.delete(cluster_id)

        await self._storage.write(work)
        await self._changes.clusters_changed()


def check_registration(wanted: Registration) -> None:
    """Refuse what the driver proxy could not use.

    Raises:
        InvalidParameter: With the name of the field.
    """
    if not _CLUSTER_ID.fullmatch(wanted.id):
        raise InvalidParameter(
            f"Field 'cluster_id' has the value '{wanted.id[:128]}'; accepted: letters, digits, '-',"
            " '_' and '.', at most 128 characters."
        )
    if len(wanted.name) > NAME_CHARACTERS or not (wanted.name or " ").isprintable():
        raise InvalidParameter(
            f"Field 'cluster_name' has a value of {len(wanted.name)} characters; accepted: at most"
            f" {NAME_CHARACTERS} printable ones."
        )
    try:
        DriverHost(host=wanted.host)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["ctx"]["error"]
        raise InvalidParameter(f"Field 'host': {reason}.") from None
    if wanted.ca_pem is not None:
        reason = pem_fault(wanted.ca_pem)
        if reason is not None:
            raise InvalidParameter(f"Field 'ca_pem' {reason}.")


def pem_fault(text: str) -> str | None:
    """What keeps a text from being certificates in PEM, or None."""
    if len(text) > PEM_BYTES:
        return f"has {len(text)} characters; accepted: at most {PEM_BYTES}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError, TypeError):  # the last one for what is not ASCII
        return "does not hold certificates in PEM (-----BEGIN CERTIFICATE-----)"
    return None
