"""The local entities that are wanted, each with its workers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from lakeserve.core.endpoints import (
    Address,
    Endpoint,
    EntityState,
    LocalModel,
    RegisteredModel,
    Scale,
    ServedEntity,
    WorkerBackend,
)
from lakeserve.reconcile.autoscaling import Demand, range_of
from lakeserve.reconcile.entity import LocalEntity
from lakeserve.reconcile.heartbeat import Heartbeat
from lakeserve.reconcile.launch import Launcher
from lakeserve.reconcile.pace import Pace
from lakeserve.reconcile.replica import ASLEEP
from lakeserve.reconcile.routing import Seen
from lakeserve.reconcile.scaler import Growth
from lakeserve.settings import AutoscalingSettings

# Starts that fail in a row until a registered model counts as failed.
CUSTOM_ATTEMPTS = 2
USUAL_AUTOSCALING = AutoscalingSettings()


class Fleet:
    """Keeps a ``LocalEntity`` for every wanted one, also for those of an update that goes on.

    Args:
        launcher: Starts workers.
        pace: When to start failed workers again.
        heartbeat: When to ask workers how they are.
        changed: Called with an endpoint's id after every change of a state or an address there.
        probe: Whether anybody listens at an address.
        drain_s: What calls get that an entity still answers when it is no longer wanted.
        autoscaling: When replicas are added and taken away.
    """

    def __init__(
        self,
        launcher: Launcher,
        pace: Pace,
        heartbeat: Heartbeat,
        changed: Callable[[str], None],
        probe: Callable[[Address], Awaitable[bool]],
        drain_s: float,
        autoscaling: AutoscalingSettings = USUAL_AUTOSCALING,
    ) -> None:
        self._launcher = launcher
        self._pace = pace
        self._heartbeat = heartbeat
        self._changed = changed
        self._probe = probe
        self._drain_s = drain_s
        self._autoscaling = autoscaling
        self._entities: dict[str, LocalEntity] = {}
        self._of_endpoint: dict[str, frozenset[str]] = {}
        self._leaving: dict[str, LocalEntity] = {}
        self._farewells: set[asyncio.Task[None]] = set()

    def begin(
        self, endpoints: Sequence[Endpoint], states: Mapping[str, EntityState]
    ) -> Callable[[], None]:
        """Know the wanted entities, as a platform that starts finds them.

        Args:
            endpoints: What is wanted.
            states: What was seen last, before the platform ended.

        Returns:
            What begins to supervise them. Those that may sleep and were well before stay asleep.
        """
        begun: list[tuple[LocalEntity, bool]] = []
        for endpoint in endpoints:
            for entity, backend, in_force in _wanted(endpoint):
                was_ready = _is_ready(states.get(entity.id))
                asleep = in_force and (
                    entity.start == "on-demand" or (entity.start == "until-idle" and was_ready)
                )
                local = self._add(entity, backend, endpoint)
                if asleep:
                    local.state = ASLEEP  # also in what is published before anything starts
                begun.append((local, asleep))

        def start() -> None:
            for local, asleep in begun:
                local.start(asleep=asleep)

        return start

    def follow(self, endpoint_id: str, endpoint: Endpoint | None) -> None:
        """Start what is new among the entities of an endpoint; have what has left it drain.

        Args:
            endpoint_id: Whose entities are meant.
            endpoint: What is wanted now, or None when it was deleted.
        """
        wanted = () if endpoint is None else tuple(_wanted(endpoint))
        known = self._of_endpoint.pop(endpoint_id, frozenset())
        left = known - {each[0].id for each in wanted}
        busiest = max((self._entities[each].size for each in known), default=0)
        for entity_id in left:
            self._let_go(entity_id)
        for entity, backend, in_force in wanted:
            if endpoint is not None and entity.id not in self._entities:
                local = self._add(entity, backend, endpoint, busiest)
                local.start(asleep=in_force and entity.start == "on-demand")
        if wanted:
            self._of_endpoint[endpoint_id] = frozenset(each[0].id for each in wanted)

    def get(self, entity_id: str) -> LocalEntity | None:
        """The entity of that id, also while it drains."""
        return self._entities.get(entity_id) or self._leaving.get(entity_id)

    def seen(self, entity_id: str) -> Seen | None:
        """What was last seen of an entity, with where its workers listen; None for others."""
        local = self._entities.get(entity_id)
        return None if local is None else Seen(local.state, local.addresses)

    def state(self, entity_id: str) -> EntityState | None:
        """What was last seen of an entity, or None when it has no workers here."""
        local = self._entities.get(entity_id)
        return None if local is None else local.state

    def provisioned_concurrency(self, entity_id: str) -> int | None:
        """The calls that the workers of an entity answer at a time now; None where nobody says."""
        local = self._entities.get(entity_id)
        if local is None or not isinstance(local.entity.backend, WorkerBackend):
            return None
        share = self._launcher.scale(local.entity.backend).share()
        return None if share is None else share * len(local.addresses)

    def eager(self) -> list[LocalEntity]:
        """Those of the platform itself that always run; others may take long to load."""
        return [
            each
            for each in self._entities.values()
            if each.entity.start == "eager" and isinstance(each.entity.backend, LocalModel)
        ]

    async def stop(self, grace_s: float) -> None:
        """Stop every worker; calls they still answer get ``grace_s`` seconds."""
        for farewell in self._farewells:
            farewell.cancel()
        await asyncio.gather(*self._farewells, return_exceptions=True)
        remaining = [*self._entities.values(), *self._leaving.values()]
        await asyncio.gather(*(local.stop(grace_s) for local in remaining))

    def _add(
        self, entity: ServedEntity, backend: WorkerBackend, endpoint: Endpoint, busiest: int = 0
    ) -> LocalEntity:
        known = self._of_endpoint.get(endpoint.id, frozenset())
        self._of_endpoint[endpoint.id] = known | {entity.id}

        def tell(message: str) -> None:
            self._entities[entity.id].tell(message)

        pace = self._pace
        if isinstance(backend, RegisteredModel):
            # What somebody's model does at its load, it mostly does again.
            pace = replace(pace, attempts=min(pace.attempts, CUSTOM_ATTEMPTS))
        scale = self._launcher.scale(backend)
        local = self._entities[entity.id] = LocalEntity(
            entity,
            self._launcher.for_entity(entity, backend, endpoint, tell),
            pace,
            partial(self._changed, endpoint.id),
            self._probe,
            self._heartbeat,
            scale.replicas,
            self._growth(scale, busiest),
        )
        return local

    def _growth(self, scale: Scale, busiest: int) -> Growth | None:
        """How an entity grows; one that takes over begins with the replicas of the one before."""
        choice = range_of(scale, self._autoscaling)
        if choice is None:
            return None
        demand, room = Demand(choice, self._autoscaling), self._launcher.room
        return Growth(demand, room, self._drain_s, min(busiest, choice.most))

    def _let_go(self, entity_id: str) -> None:
        local = self._leaving[entity_id] = self._entities.pop(entity_id)
        farewell = asyncio.create_task(self._drain(local), name=f"drain {local.entity.name}")
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)

    async def _drain(self, local: LocalEntity) -> None:
        await asyncio.sleep(self._heartbeat.linger_s)
        await local.stop(self._drain_s)
        self._leaving.pop(local.entity.id, None)


def _wanted(endpoint: Endpoint) -> Iterator[tuple[ServedEntity, WorkerBackend, bool]]:
    """The entities that need workers, and whether each is in force rather than in an update."""
    for entities, in_force in ((endpoint.entities, True), (_coming(endpoint), False)):
        for entity in entities:
            if isinstance(entity.backend, WorkerBackend):
                yield entity, entity.backend, in_force


def _coming(endpoint: Endpoint) -> tuple[ServedEntity, ...]:
    update = endpoint.update
    return () if update is None or update.failure is not None else update.entities


def _is_ready(state: EntityState | None) -> bool:
    return state is not None and state.deployment == "DEPLOYMENT_READY"
