"""Moves what is seen towards what is wanted, and tells the gateway where calls go."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from lakeserve.core.authentication import SignedTokens
from lakeserve.core.clusters import RoutableCluster, routable_cluster
from lakeserve.core.endpoints import (
    Address,
    Endpoint,
    EntityState,
    ExternalModel,
)
from lakeserve.core.errors import Unavailable
from lakeserve.core.identity import Principal
from lakeserve.core.ids import now_ms
from lakeserve.core.ports import SecretResolver, Snapshot
from lakeserve.core.signed_tokens import SignedTokenReader
from lakeserve.reconcile.addresses import answers
from lakeserve.reconcile.deployments import Deployments
from lakeserve.reconcile.fleet import Fleet
from lakeserve.reconcile.heartbeat import Heartbeat, heartbeat
from lakeserve.reconcile.launch import Launcher, Resolve
from lakeserve.reconcile.pace import USUAL_PACE, Pace
from lakeserve.reconcile.readiness import wait_until_settled
from lakeserve.reconcile.recorder import StateRecorder
from lakeserve.reconcile.replica import READY
from lakeserve.reconcile.routing import Seen, routable, upstream_credential
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage
from lakeserve.workers.models import resolve
from lakeserve.workers.protocols import Runner

logger = logging.getLogger(__name__)


class Supervisor:
    """Keeps a worker behind every local entity; the gateway's ``Directory`` and ``Activator``.

    Args:
        storage: Where wanted and observed facts lie.
        runner: Starts workers.
        settings: Engine, directories and credentials of upstreams.
        secrets: Resolves the secrets of external models.
        pace: When to start failed workers again.
        resolve_model: Finds the file of a model reference.
        probe: Whether anybody listens at an address.
        beat: When to ask workers how they are; None for what the settings say.
    """

    def __init__(
        self,
        storage: Storage,
        runner: Runner,
        settings: Settings,
        secrets: SecretResolver,
        *,
        pace: Pace = USUAL_PACE,
        resolve_model: Resolve = resolve,
        probe: Callable[[Address], Awaitable[bool]] = answers,
        beat: Heartbeat | None = None,
    ) -> None:
        self._storage = storage
        self._settings = settings
        self._recorder = StateRecorder(storage)
        self._fleet = Fleet(
            Launcher(runner, settings, resolve_model),
            pace,
            beat or heartbeat(settings.engine),
            self._local_changed,
            probe,
            settings.request_timeout_s,
        )
        self._deployments = Deployments(storage, secrets, self._reload_endpoints, self._fleet.state)
        self._endpoints: tuple[Endpoint, ...] = ()
        self._principals: Mapping[str, Principal] = {}
        self._signed: SignedTokens | None = None
        self._clusters: Mapping[str, RoutableCluster] = {}
        self._states: Mapping[str, EntityState] = {}
        self._snapshot = Snapshot()

    async def start(self) -> None:
        """Load what is wanted, publish the first snapshot and begin to supervise.

        Raises:
            Unavailable: The database cannot be read.
        """
        await self._load_principals()
        await self._load_clusters()
        self._endpoints, states = await self._storage.read(
            lambda transaction: (transaction.endpoints.all(), transaction.states.all())
        )
        start_workers = self._fleet.begin(self._endpoints, states)
        # What was deployed before serves from the first call on.
        if await self._deployments.settle(self._endpoints):
            await self._reload_endpoints()
        self._publish()
        self._recorder.start()
        self._deployments.start()
        start_workers()

    async def endpoints_changed(self) -> None:
        """See ``Changes.endpoints_changed``; a database that is busy now is read again later."""
        try:
            await self._reload_endpoints()
        except Unavailable:
            logger.warning("endpoints have changed, but cannot be read now; trying again")
        self._deployments.wake()

    async def clusters_changed(self) -> None:
        """See ``Changes.clusters_changed``.

        Raises:
            Unavailable: The database cannot be read; what was known stays.
        """
        await self._load_clusters()
        self._publish()

    async def _load_clusters(self) -> None:
        clusters = await self._storage.read(lambda transaction: transaction.clusters.all())
        self._clusters = {cluster.id: routable_cluster(cluster) for cluster in clusters}

    async def _reload_endpoints(self) -> tuple[Endpoint, ...]:
        self._endpoints = await self._storage.read(lambda transaction: transaction.endpoints.all())
        self._fleet.follow(self._endpoints)
        self._publish()
        return self._endpoints

    async def refresh_principals(self) -> None:
        """Let tokens, users and groups count as they are stored now.

        Raises:
            Unavailable: The database cannot be read; what was known stays.
        """
        await self._load_principals()
        self._publish()

    async def _load_principals(self) -> None:
        now = now_ms()
        self._principals, subjects, keys = await self._storage.read(
            lambda transaction: (
                transaction.identity.principals(now),
                transaction.identity.service_principals(),
                transaction.keys.signing_keys(),
            )
        )
        self._signed = SignedTokenReader({key.id: key.public_key for key, _ in keys}, subjects)

    async def eager_ready(self, progress: Callable[[str], None], timeout_s: float) -> None:
        """Wait until each eager entity serves or has failed, at most ``timeout_s`` seconds.

        ``progress`` gets a line for whatever takes longer than a second, and for every failure.
        """
        await wait_until_settled(self._fleet.eager(), progress, timeout_s)

    def snapshot(self) -> Snapshot:
        """See ``Directory.snapshot``."""
        return self._snapshot

    def states(self) -> Mapping[str, EntityState]:
        """What was last seen of every entity, by its id."""
        return self._states

    async def activate(self, entity_id: str) -> Address:
        """See ``Activator.activate``; waits as long as a worker may take to start."""
        entity = self._fleet.get(entity_id)
        if entity is None:
            raise Unavailable("The served entity of this call no longer exists.", retry_after=1)
        return await entity.activate(self._settings.engine.start_timeout_s)

    async def stop(self, grace_s: float) -> None:
        """Stop every worker; calls they still answer get ``grace_s`` seconds."""
        await self._deployments.stop()
        await self._fleet.stop(grace_s)
        await self._recorder.stop()

    def _local_changed(self) -> None:
        self._publish()
        if any(endpoint.update is not None for endpoint in self._endpoints):
            self._deployments.wake()

    def _publish(self) -> None:
        """Build snapshot and states anew from what is known now."""
        seen = self._fleet.seen()
        for endpoint in self._endpoints:
            for external in endpoint.entities:
                if isinstance(external.backend, ExternalModel):
                    state = self._deployments.state(external.id)
                    values = self._deployments.values(external.id)
                    seen[external.id] = Seen(state, secrets=values)
        self._states = {
            entity.id: seen[entity.id].state if entity.id in seen else READY
            for endpoint in self._endpoints
            for entity in endpoint.entities
        }
        endpoints = {
            endpoint.name: routable(endpoint, seen, upstream_credential(endpoint, self._settings))
            for endpoint in self._endpoints
        }
        self._snapshot = Snapshot(endpoints, self._principals, self._clusters, self._signed)
        self._recorder.record(self._states)
