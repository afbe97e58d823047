"""Moves what is seen towards what is wanted, and tells the gateway where calls go."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from lakeserve.core.endpoints import (
    Address,
    Endpoint,
    EntityState,
    ExternalModel,
    Observed,
    ServedEntity,
)
from lakeserve.core.errors import NotBuilt, Unavailable
from lakeserve.core.ports import REGISTRY_ID, SecretResolver, Snapshot
from lakeserve.reconcile.addresses import answers
from lakeserve.reconcile.custom_models import CustomModels
from lakeserve.reconcile.deployments import Deployments
from lakeserve.reconcile.facts import Facts
from lakeserve.reconcile.fleet import Fleet
from lakeserve.reconcile.heartbeat import Heartbeat, heartbeat
from lakeserve.reconcile.launch import Launcher, Resolve
from lakeserve.reconcile.mail import UpdateMail
from lakeserve.reconcile.pace import USUAL_PACE, Pace
from lakeserve.reconcile.readiness import wait_until_settled
from lakeserve.reconcile.recorder import StateRecorder
from lakeserve.reconcile.registry import registry
from lakeserve.reconcile.replica import READY
from lakeserve.reconcile.routing import Seen, routable, upstream_credential
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage
from lakeserve.workers.models import resolve
from lakeserve.workers.protocols import Runner

logger = logging.getLogger(__name__)

Announce = Callable[[int], Awaitable[None]]


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
        announce: Told of every new revision of the stored facts, once it counts here.
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
        announce: Announce | None = None,
    ) -> None:
        self._storage = storage
        self._settings = settings
        self._recorder = StateRecorder(storage)
        self._custom = CustomModels(settings, secrets)
        self._registry = None
        if settings.mlflow.tracking_uri is None:
            self._registry = registry(runner, settings, pace)
        self._launcher = Launcher(runner, settings, self._custom, resolve_model)
        self._fleet = Fleet(
            self._launcher,
            pace,
            beat or heartbeat(settings.engine),
            self._local_changed,
            probe,
            settings.request_timeout_s,
            settings.autoscaling,
        )
        self._mail = UpdateMail(settings.mail)
        self._deployments = Deployments(
            storage,
            secrets,
            self._catch_up,
            self._publish,
            self._fleet.state,
            self._custom.tasks,
            tell=self._mail.tell,
        )
        self._facts = Facts(storage)
        self._announce = announce
        self._published: dict[str, Endpoint] = {}
        self._states: Mapping[str, EntityState] = {}
        self._snapshot = Snapshot()

    async def start(self) -> None:
        """Load what is wanted, publish the first snapshot and begin to supervise.

        Raises:
            Unavailable: The database cannot be read.
        """
        await self._facts.catch_up()
        states = await self._storage.read(lambda transaction: transaction.states.all())
        wanted = tuple(self._facts.endpoints.values())
        start_workers = self._fleet.begin(wanted, states)
        # What was deployed before serves from the first call on.
        await self._deployments.settle(wanted)
        await self._catch_up()
        self._publish(self._facts.endpoints)
        self._recorder.start()
        self._deployments.start()
        start_workers()
        if self._registry is not None:
            self._registry.start(asleep=True)

    async def endpoints_changed(self) -> None:
        """See ``Changes.endpoints_changed``; a database that is busy now is read again later."""
        try:
            await self._catch_up()
        except Unavailable:
            logger.warning("endpoints have changed, but cannot be read now; trying again")
            self._deployments.wake(())

    async def clusters_changed(self) -> None:
        """See ``Changes.clusters_changed``.

        Raises:
            Unavailable: The database cannot be read; what was known stays.
        """
        await self._catch_up()

    async def refresh_principals(self) -> None:
        """Let tokens, users and groups count as they are stored now.

        Raises:
            Unavailable: The database cannot be read; what was known stays.
        """
        await self._catch_up()

    async def _catch_up(self) -> Mapping[str, Endpoint]:
        """Read what has changed, act on it and show it."""
        before = self._facts.revision
        changed = await self._facts.catch_up()
        endpoints = self._facts.endpoints
        for endpoint_id in changed:
            self._fleet.follow(endpoint_id, endpoints.get(endpoint_id))
        self._publish(changed)
        if changed:
            self._deployments.wake(changed)
        if self._announce is not None and self._facts.revision != before:
            await self._announce(self._facts.revision)
        return endpoints

    async def eager_ready(self, progress: Callable[[str], None], timeout_s: float) -> None:
        """Wait until each eager entity serves or has failed, at most ``timeout_s`` seconds.

        ``progress`` gets a line for whatever takes longer than a second, and for every failure.
        """
        await wait_until_settled(self._fleet.eager(), progress, timeout_s)

    def build_log(self, entity_id: str) -> str | None:
        """See ``ModelLogs.build_log``."""
        return self._custom.build_log(entity_id)

    def log(self, entity_id: str) -> str | None:
        """See ``ModelLogs.log``."""
        return self._custom.log(entity_id)

    def worker_pids(self, entity_id: str) -> tuple[int, ...]:
        """The processes that serve an entity on this machine."""
        local = self._fleet.get(entity_id)
        return () if local is None else local.pids

    def provisioned_concurrency(self, entity_id: str) -> int | None:
        """The calls that the workers of an entity answer at a time now; None where nobody says."""
        return self._fleet.provisioned_concurrency(entity_id)

    def snapshot(self) -> Snapshot:
        """See ``Directory.snapshot``."""
        return self._snapshot

    def states(self) -> Mapping[str, EntityState]:
        """What was last seen of every entity, by its id."""
        return self._states

    async def activate(self, entity_id: str) -> Address:
        """See ``Activator.activate``; waits as long as a worker may take to start, and a call."""
        if entity_id == REGISTRY_ID:
            return await self._activate_registry()
        entity = self._fleet.get(entity_id)
        if entity is None:
            raise Unavailable("The served entity of this call no longer exists.", retry_after=1)
        patience_s = self._launcher.start_timeout_s(entity.entity.backend)
        return await entity.activate(min(patience_s, self._settings.request_timeout_s))

    async def _activate_registry(self) -> Address:
        if self._registry is None:
            raise NotBuilt(
                "This platform keeps no MLflow registry of its own: its setting mlflow.tracking_uri"
                " names another one. Use that one's address."
            )
        return await self._registry.activate(self._settings.mlflow.start_timeout_s)

    async def stop(self, grace_s: float) -> None:
        """Stop every worker; calls they still answer get ``grace_s`` seconds."""
        await self._deployments.stop()
        await self._fleet.stop(grace_s)
        if self._registry is not None:
            await self._registry.stop(grace_s)
        await self._recorder.stop()

    def _local_changed(self, endpoint_id: str) -> None:
        self._publish((endpoint_id,))
        endpoint = self._facts.endpoints.get(endpoint_id)
        if endpoint is not None and (
            endpoint.update is not None or endpoint.endpoint_type == "CUSTOM_MODEL"
        ):
            self._deployments.wake((endpoint_id,))

    def _publish(self, endpoint_ids: Collection[str]) -> None:
        """Show what is known now of these endpoints, and of principals and clusters."""
        facts = self._facts
        endpoints, states = dict(self._snapshot.endpoints), dict(self._states)
        for endpoint_id in endpoint_ids:
            before = self._published.pop(endpoint_id, None)
            if before is not None:
                endpoints.pop(before.name, None)
            endpoint = facts.endpoints.get(endpoint_id)
            seen = {} if endpoint is None else self._seen(endpoint)
            coming = {} if endpoint is None else self._coming(endpoint)
            for entity in () if before is None else (*before.entities, *_updated(before)):
                if entity.id not in seen and entity.id not in coming:
                    states.pop(entity.id, None)
                    self._recorder.forget(entity.id)
            if endpoint is not None:
                self._published[endpoint_id] = endpoint
                credential = upstream_credential(endpoint, self._settings)
                endpoints[endpoint.name] = routable(endpoint, seen, credential)
            states.update({entity_id: each.state for entity_id, each in seen.items()})
            states.update(coming)
            self._recorder.record(
                {key: Observed(each.state, each.addresses) for key, each in seen.items()}
            )
        self._states = states
        self._snapshot = Snapshot(endpoints, facts.principals, facts.clusters, facts.signed)

    def _coming(self, endpoint: Endpoint) -> dict[str, EntityState]:
        """The states of an update's entities that have workers here."""
        states = {entity.id: self._fleet.state(entity.id) for entity in _updated(endpoint)}
        return {entity_id: state for entity_id, state in states.items() if state is not None}

    def _seen(self, endpoint: Endpoint) -> dict[str, Seen]:
        return {entity.id: self._seen_of(entity) for entity in endpoint.entities}

    def _seen_of(self, entity: ServedEntity) -> Seen:
        if isinstance(entity.backend, ExternalModel):
            deployed = self._deployments
            values, signer = deployed.values(entity.id), deployed.signer(entity.id)
            return Seen(deployed.state(entity.id), secrets=values, signer=signer)
        return self._fleet.seen(entity.id) or Seen(READY)


def _updated(endpoint: Endpoint) -> tuple[ServedEntity, ...]:
    return () if endpoint.update is None else endpoint.update.entities
