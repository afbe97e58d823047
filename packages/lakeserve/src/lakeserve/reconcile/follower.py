"""The view of a gateway that runs beside the platform: follows stored facts, changes none."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace

from lakeserve.core.endpoints import (
    Endpoint,
    ExternalModel,
    Observed,
    RoutableEndpoint,
    ServedEntity,
    WorkerBackend,
)
from lakeserve.core.errors import Unavailable
from lakeserve.core.ports import SecretResolver, Snapshot
from lakeserve.reconcile.deployments import Deployments
from lakeserve.reconcile.facts import Facts
from lakeserve.reconcile.replica import READY, WAITING
from lakeserve.reconcile.routing import Seen, routable, upstream_credential
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage

logger = logging.getLogger(__name__)

POLL_S = 0.2
# While the database cannot be read, nobody gains by asking often.
FAILED_POLL_S = 2.0


class Follower:
    """Keeps a snapshot in step with what is stored; a gateway's ``Directory``.

    Args:
        storage: Where the facts lie; they are only read.
        settings: Credentials of upstreams.
        secrets: Resolves the secrets of external models, in this process.
        reaches_workers: Whether the platform's workers run on this machine, so that their sockets
            can be reached.
        poll_s: How often to look for changes.
    """

    def __init__(
        self,
        storage: Storage,
        settings: Settings,
        secrets: SecretResolver,
        *,
        reaches_workers: bool,
        poll_s: float = POLL_S,
    ) -> None:
        self._settings = settings
        self._reaches_workers = reaches_workers
        self._poll_s = poll_s
        self._facts = Facts(storage, observe=True)
        self._deployments = Deployments(storage, secrets, self._deployed_elsewhere, self._publish)
        self._published: dict[str, Endpoint] = {}
        self._snapshot = Snapshot()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read everything, publish the first snapshot and begin to follow.

        Raises:
            Unavailable: The database cannot be read.
        """
        await self.catch_up()
        self._deployments.start()
        self._task = asyncio.create_task(self._follow(), name="follower")

    async def stop(self) -> None:
        """End; the last snapshot stays."""
        await self._deployments.stop()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def snapshot(self) -> Snapshot:
        """See ``Directory.snapshot``."""
        return self._snapshot

    async def catch_up(self) -> int:
        """Let what is stored now count.

        Returns:
            The revision that counts.

        Raises:
            Unavailable: The database cannot be read; what was known stays.
        """
        changed = await self._facts.catch_up()
        if changed:
            wanted = await self._deployed_elsewhere()
            try:
                await self._deployments.settle(
                    [wanted[endpoint_id] for endpoint_id in changed & wanted.keys()]
                )
            except Unavailable:
                self._deployments.wake(changed)
            self._deployments.wake(changed - wanted.keys())
        self._publish(changed)
        return self._facts.revision

    async def _follow(self) -> None:
        pause = self._poll_s
        while True:
            await asyncio.sleep(pause)
            try:
                await self.catch_up()
                pause = self._poll_s
            except Unavailable as error:
                logger.warning("going on with what was last read: %s", error)
                pause = max(FAILED_POLL_S, self._poll_s)
            except Exception:
                # The next look may succeed; without this loop none is made.
                logger.exception("changes were not followed; trying again")
                pause = max(FAILED_POLL_S, self._poll_s)

    async def _deployed_elsewhere(self) -> Mapping[str, Endpoint]:
        """What has secrets to resolve, without updates: the platform brings those into force."""
        return {
            key: replace(endpoint, update=None) if endpoint.update is not None else endpoint
            for key, endpoint in self._facts.endpoints.items()
            if any(isinstance(entity.backend, ExternalModel) for entity in endpoint.entities)
        }

    def _publish(self, endpoint_ids: Collection[str]) -> None:
        facts = self._facts
        endpoints = dict(self._snapshot.endpoints)
        for endpoint_id in endpoint_ids:
            before = self._published.pop(endpoint_id, None)
            if before is not None:
                endpoints.pop(before.name, None)
            endpoint = facts.endpoints.get(endpoint_id)
            if endpoint is not None:
                self._published[endpoint_id] = endpoint
                endpoints[endpoint.name] = self._routable(endpoint)
        self._snapshot = Snapshot(endpoints, facts.principals, facts.clusters, facts.signed)

    def _routable(self, endpoint: Endpoint) -> RoutableEndpoint:
        seen = {entity.id: self._seen(entity) for entity in endpoint.entities}
        return routable(endpoint, seen, upstream_credential(endpoint, self._settings))

    def _seen(self, entity: ServedEntity) -> Seen:
        if isinstance(entity.backend, ExternalModel):
            deployed = self._deployments
            values, signer = deployed.values(entity.id), deployed.signer(entity.id)
            return Seen(deployed.state(entity.id), secrets=values, signer=signer)
        if not isinstance(entity.backend, WorkerBackend):
            return Seen(READY)
        observed = self._facts.observed.get(entity.id, Observed(WAITING))
        reached = (each for each in observed.addresses if self._reaches_workers or not each.uds)
        return Seen(observed.state, tuple(reached))
