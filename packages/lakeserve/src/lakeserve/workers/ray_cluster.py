"""Every call of Ray that the platform makes. Nothing else imports it."""

import asyncio
import importlib.util
import logging
from typing import Any

from lakeserve.core.endpoints import Address
from lakeserve.core.errors import ConfigurationError, EngineError
from lakeserve.settings import is_loopback, prepare_for_ray
from lakeserve.workers.protocols import Resources, WorkerSpec
from lakeserve.workers.ray_actor import Outcome, ProgramHost
from lakeserve.workers.ray_runner import Place, PlaceLost

logger = logging.getLogger(__name__)

INSTALL = "pip install 'lakeserve[ray]'"
# Calls of one actor that may wait at the same time: start, watch, stop, and those given up.
_CONCURRENCY = 64
# While an actor is being restarted, calls of it fail at once.
_RETRY_S = 0.2
_CONNECT_S = 10.0


class RayCluster:
    """A Ray cluster.

    Args:
        address: ``HOST:PORT`` of its head, or ``auto`` for the one of this machine.
        namespace: Keeps the actors of several platforms apart.
    """

    def __init__(self, address: str, namespace: str) -> None:
        self._address = address
        self._namespace = namespace
        self._host_class: Any = None

    async def connect(self) -> None:
        """See ``Cluster``."""
        if importlib.util.find_spec("ray") is None:
            raise ConfigurationError(f"runner 'ray' needs Ray: {INSTALL}")
        await self._check_head()
        prepare_for_ray(loopback=is_loopback(self._address.rpartition(":")[0]))
        await asyncio.to_thread(self._connect)

    async def _check_head(self) -> None:
        """See that somebody listens there: Ray itself would go on trying for a long time."""
        host, colon, port = self._address.rpartition(":")
        if not colon:
            return
        try:
            connecting = asyncio.open_connection(host.strip("[]"), int(port))
            _, writer = await asyncio.wait_for(connecting, _CONNECT_S)
        except (OSError, asyncio.TimeoutError) as error:
            reason = str(error) or f"no answer within {_CONNECT_S:g} s"
            raise ConfigurationError(
                f"ray_address {self._address!r}: no Ray head answers there: {reason}"
            ) from None
        writer.close()

    async def place(self, name: str, resources: Resources) -> Place:
        """See ``Cluster``."""
        handle = await asyncio.to_thread(self._actor, name, resources)
        return ActorPlace(handle)

    async def disconnect(self) -> None:
        """See ``Cluster``."""
        import ray

        await asyncio.to_thread(ray.shutdown)

    def _connect(self) -> None:
        import ray

        try:
            ray.init(
                address=self._address,
                namespace=self._namespace,
                log_to_driver=False,
                configure_logging=False,
                include_dashboard=False,
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise ConfigurationError(
                f"ray_address {self._address!r}: cannot join the Ray cluster: {error}"
            ) from None
        self._host_class = ray.remote(_NodeHost)

    def _actor(self, name: str, resources: Resources) -> Any:
        return self._host_class.options(
            name=f"{name}-{id(object()):x}",
            num_cpus=resources.cpus,
            num_gpus=resources.gpus,
            max_restarts=-1,
            max_task_retries=0,
            max_concurrency=_CONCURRENCY,
            # Replicas on different nodes, as far as there is room.
            scheduling_strategy="SPREAD",
        ).remote()


class _NodeHost(ProgramHost):
    """A program's host that asks Ray for the address of its node."""

    def __init__(self) -> None:
        import ray

        super().__init__(ray.util.get_node_ip_address())


class ActorPlace:
    """An actor as a place."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    async def run(self, spec: WorkerSpec) -> Address:
        """See ``Place``."""
        from ray.exceptions import ActorUnavailableError, RayActorError, RayTaskError

        while True:
            try:
                outcome: Outcome = await self._handle.run.remote(spec)
                break
            except ActorUnavailableError:  # it is being restarted
                await asyncio.sleep(_RETRY_S)
            except RayActorError as error:
                raise PlaceLost(_first_line(error)) from None
            except RayTaskError as error:
                raise EngineError(_first_line(error)) from None
        if outcome.failure is not None:
            raise EngineError(outcome.failure)
        return Address(host=outcome.host, port=outcome.port)

    async def ended(self) -> str:
        """See ``Place``."""
        from ray.exceptions import RayError

        try:
            reason: str = await self._handle.ended.remote()
        except RayError as error:
            raise PlaceLost(_first_line(error)) from None
        return reason

    async def stop(self, grace_s: float) -> None:
        """See ``Place``."""
        from ray.exceptions import RayError

        try:
            await self._handle.stop.remote(grace_s)
        except RayError as error:
            raise PlaceLost(_first_line(error)) from None

    async def free(self) -> None:
        """See ``Place``."""
        import ray

        await asyncio.to_thread(ray.kill, self._handle, no_restart=True)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
