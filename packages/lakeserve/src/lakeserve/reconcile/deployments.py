"""Deploys external models (resolves their secrets), and brings updates of configs into force.

An update comes into force when all of its entities can serve: until then the old config does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Set
from contextlib import suppress
from dataclasses import replace

from lakeserve.core.endpoints import (
    ConfigUpdate,
    Endpoint,
    EntityState,
    ExternalModel,
    ServedEntity,
    Task,
)
from lakeserve.core.errors import LakeserveError, Unavailable
from lakeserve.core.ids import now_ms
from lakeserve.core.ports import SecretResolver
from lakeserve.core.signing import RequestSigner
from lakeserve.reconcile.credentials.signers import signer
from lakeserve.reconcile.external import secret_values
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

logger = logging.getLogger(__name__)

CREATING = EntityState("DEPLOYMENT_CREATING", "Waiting for its secrets to be resolved")
DEPLOYED = EntityState("DEPLOYMENT_READY")

RETRY_S = 5.0
# A secret that was missing may have been put meanwhile.
FAILED_RETRY_S = 30.0

# Reads what has changed and answers with every endpoint, by its id.
CatchUp = Callable[[], Awaitable[Mapping[str, Endpoint]]]

# Shows what was deployed of the endpoints of these ids.
Publish = Callable[[Collection[str]], None]

# The state of an entity with workers here, by its id; None for any other.
LocalState = Callable[[str], EntityState | None]


# Told of an endpoint, and why its update failed or None, when that is written.
Tell = Callable[[Endpoint, str | None], None]


def tell_nobody(_endpoint: Endpoint, _failure: str | None) -> None:
    """Where nobody wants to know of updates."""


def no_workers(_entity_id: str) -> EntityState | None:
    """The state of entities where none has workers."""
    return None


class Deployments:
    """Moves external entities and config updates, in a task of its own.

    Args:
        storage: Where updates lie.
        secrets: Resolves what configurations say about secrets.
        catch_up: Reads what has changed.
        publish: Told what was deployed.
        local_state: Knows the entities with workers here, also those of updates.
        tasks: By entity id, the tasks of the registered models that were read; grows.
        tell: Told of each update that has come into force, or why one has not.
    """

    def __init__(
        self,
        storage: Storage,
        secrets: SecretResolver,
        catch_up: CatchUp,
        publish: Publish,
        local_state: LocalState = no_workers,
        tasks: Mapping[str, Task | None] | None = None,
        failed_retry_s: float = FAILED_RETRY_S,
        tell: Tell = tell_nobody,
    ) -> None:
        self._tell = tell
        self._storage = storage
        self._secrets = secrets
        self._catch_up = catch_up
        self._publish = publish
        self._local_state = local_state
        self._tasks = {} if tasks is None else tasks
        self._failed_retry_s = failed_retry_s
        self._values: dict[str, Mapping[str, str]] = {}
        self._signers: dict[str, RequestSigner | None] = {}
        self._failures: dict[str, EntityState] = {}
        self._of_endpoint: dict[str, frozenset[str]] = {}
        self._pending: set[str] = set()
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to deploy what is wanted."""
        self._task = asyncio.create_task(self._deploy_changes(), name="deployments")

    def wake(self, endpoint_ids: Collection[str]) -> None:
        """Look soon at these endpoints."""
        self._pending.update(endpoint_ids)
        self._wanted.set()

    async def stop(self) -> None:
        """End; what was not deployed is found at the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def values(self, entity_id: str) -> Mapping[str, str] | None:
        """The secrets of an external entity, or None while they are not resolved."""
        return self._values.get(entity_id)

    def signer(self, entity_id: str) -> RequestSigner | None:
        """What authorizes the requests of an external entity, where its secrets alone do not."""
        return self._signers.get(entity_id)

    def state(self, entity_id: str) -> EntityState:
        """What was last seen of an external entity."""
        if entity_id in self._values:
            return DEPLOYED
        return self._failures.get(entity_id, CREATING)

    async def settle(self, endpoints: Iterable[Endpoint]) -> frozenset[str]:
        """Deploy whatever of these endpoints is not deployed yet.

        Returns:
            The ids of those of which stored or seen facts have changed.

        Raises:
            Unavailable: The database cannot be used now.
        """
        changed = set()
        for endpoint in endpoints:
            self._forget(endpoint.id, {entity.id for entity in endpoint.entities})
            for entity in endpoint.entities:
                if await self._deploy(entity, endpoint):
                    changed.add(endpoint.id)
            if await self._learn_task(endpoint):
                changed.add(endpoint.id)
            if (
                endpoint.update is not None
                and endpoint.update.failure is None
                and await self._bring_into_force(endpoint, endpoint.update)
            ):
                changed.add(endpoint.id)
        return frozenset(changed)

    async def _deploy_changes(self) -> None:
        while True:
            patience = self._failed_retry_s if self._failures else None
            waiting = asyncio.ensure_future(self._wanted.wait())
            try:
                await asyncio.wait({waiting}, timeout=patience)
            finally:
                waiting.cancel()
            self._wanted.clear()
            try:
                await self._deploy_pending()
            except Exception:
                # Whatever went wrong, the next look may succeed; without this loop none is made.
                logger.exception("endpoints were not deployed; trying again")
                self._wanted.set()
                await asyncio.sleep(RETRY_S)

    async def _deploy_pending(self) -> None:
        endpoints = await self._catch_up()
        pending, self._pending = self._pending | self._with_failures(), set()
        try:
            for gone in pending - endpoints.keys():
                self._forget(gone, set())
            changed = await self.settle(
                [endpoints[endpoint_id] for endpoint_id in pending & endpoints.keys()]
            )
        except BaseException:
            self._pending |= pending
            raise
        if changed:
            await self._catch_up()
            self._publish(changed)

    def _with_failures(self) -> set[str]:
        if not self._failures:
            return set()
        return {
            endpoint_id
            for endpoint_id, known in self._of_endpoint.items()
            if not known.isdisjoint(self._failures)
        }

    async def _deploy(self, entity: ServedEntity, endpoint: Endpoint) -> bool:
        if not isinstance(entity.backend, ExternalModel) or entity.id in self._values:
            return False
        known = self._of_endpoint.get(endpoint.id, frozenset())
        self._of_endpoint[endpoint.id] = known | {entity.id}
        try:
            values = await secret_values(entity.backend, endpoint.creator, self._secrets)
            signing = await asyncio.to_thread(signer, entity.backend, values)
        except Unavailable:
            raise
        except LakeserveError as error:
            failure = EntityState("DEPLOYMENT_FAILED", str(error))
            if self._failures.get(entity.id) == failure:
                return False
            logger.warning("entity %s cannot be deployed: %s", entity.name, error)
            self._failures[entity.id] = failure
            return True
        self._signers[entity.id] = signing
        self._values[entity.id] = values
        self._failures.pop(entity.id, None)
        return True

    async def _learn_task(self, endpoint: Endpoint) -> bool:
        """Write the task that the models of a custom endpoint turned out to have."""
        task = self._common_task(endpoint, endpoint.entities)
        if task == endpoint.task:
            return False
        await self._storage.write(
            lambda transaction: transaction.endpoints.set_task(endpoint.id, task)
        )
        return True

    def _common_task(self, endpoint: Endpoint, entities: tuple[ServedEntity, ...]) -> Task | None:
        """The task of all of these, where each is known and they agree; custom endpoints only."""
        if endpoint.endpoint_type != "CUSTOM_MODEL":
            return endpoint.task
        if any(entity.id not in self._tasks for entity in entities):
            return endpoint.task
        found = {self._tasks[entity.id] for entity in entities}
        return found.pop() if len(found) == 1 else None

    async def _bring_into_force(self, endpoint: Endpoint, update: ConfigUpdate) -> bool:
        """Exchange an endpoint's config for the updated one, or write why that cannot be.

        Returns:
            Whether either was done; there may be workers that are still starting.
        """
        for entity in update.entities:
            await self._deploy(entity, endpoint)
        states = [
            self._failures.get(each.id) or self._local_state(each.id) for each in update.entities
        ]
        failures = [
            f"{entity.name}: {state.message}"
            for entity, state in zip(update.entities, states, strict=True)
            if state is not None and state.deployment == "DEPLOYMENT_FAILED"
        ]
        if not failures and any(
            state is not None and state.deployment != "DEPLOYMENT_READY" for state in states
        ):
            return False
        now = now_ms()

        def work(transaction: Transaction) -> Endpoint | None:
            stored = transaction.endpoints.find(endpoint.name)
            if stored is None or stored.update is None or stored.update.id != update.id:
                return None
            if stored.update.failure is not None:
                return None
            if failures:
                failed = replace(update, failure="; ".join(failures))
                transaction.endpoints.set_update(stored.id, failed)
                return stored
            transaction.endpoints.save(
                replace(
                    stored,
                    entities=update.entities,
                    task=self._common_task(stored, update.entities),
                    config_version=stored.config_version + 1,
                    updated_at=now,
                    update=None,
                )
            )
            return stored

        ended = await self._storage.write(work)
        if ended is not None:
            self._tell(ended, "; ".join(failures) or None)
        return True

    def _forget(self, endpoint_id: str, wanted: Set[str]) -> None:
        """Forget what is known of entities that an endpoint no longer has in force."""
        before = self._of_endpoint.pop(endpoint_id, frozenset())
        for entity_id in before - wanted:
            self._values.pop(entity_id, None)
            self._signers.pop(entity_id, None)
            self._failures.pop(entity_id, None)
        if before & wanted:
            self._of_endpoint[endpoint_id] = before & wanted
