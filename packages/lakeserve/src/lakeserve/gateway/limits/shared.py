"""Rate limits that gateways on several machines share through Redis or Valkey."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from lakeserve.core.ai_gateway import RateLimitKey
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import ConfigurationError
from lakeserve.core.identity import Principal
from lakeserve.gateway.circuit import Circuit
from lakeserve.gateway.limits.applicable import Requirement, requirements
from lakeserve.gateway.limits.local import LocalLimiter
from lakeserve.gateway.limits.refusal import UsedUp, refusal
from lakeserve.gateway.seams import Reservation

logger = logging.getLogger(__name__)

TIMEOUT_S = 0.5
MAX_CONNECTIONS = 16
PREFIX = "lakeserve:limit"

_HERE = Path(__file__).parent


class Script(Protocol):
    """A program that the server runs as one step."""

    async def __call__(self, keys: Sequence[str], args: Sequence[int]) -> list[int]:
        """Run it.

        Raises:
            OSError: The server cannot be reached, or does not run it.
        """
        ...


class Scripts(NamedTuple):
    """The two programs, on one server.

    Attributes:
        aclose: Closes the connections to it.
    """

    reserve: Script
    settle: Script
    aclose: Callable[[], Awaitable[None]]


class Question(NamedTuple):
    """One call's limits as the program reads them."""

    keys: tuple[str, ...]
    args: tuple[int, ...]
    whose: tuple[RateLimitKey, ...]


def question(endpoint_id: str, needs: Sequence[Requirement], tokens: int) -> Question:
    """What the program is asked. The braces keep an endpoint's keys on one node of a cluster."""
    keys: list[str] = []
    args = [tokens, len(needs)]
    for need in needs:
        args.append(len(need.alternatives))
        for limit in need.alternatives:
            windows = [("calls", limit.calls, 0), ("tokens", limit.tokens, 1)]
            present = [(kind, most, flag) for kind, most, flag in windows if most is not None]
            args.append(len(present))
            for kind, most, flag in present:
                keys.append(f"{PREFIX}:{{{endpoint_id}}}:{kind}:{limit.key}")
                args += [most, flag]
    return Question(tuple(keys), tuple(args), tuple(need.whose for need in needs))


class SharedReservation:
    """See ``Reservation``. Settles in the background: nobody waits for it."""

    __slots__ = ("_estimate", "_keys", "_limiter", "_tick")

    def __init__(
        self, limiter: "SharedLimiter", keys: tuple[str, ...], tick: int, estimate: int
    ) -> None:
        self._limiter = limiter
        self._keys = keys
        self._tick = tick
        self._estimate = estimate

    def settle(self, tokens: int) -> None:
        """See ``Reservation``."""
        if self._keys and tokens != self._estimate:
            self._limiter.settle_soon(self._keys, (self._tick, self._estimate, tokens))


class SharedLimiter:
    """Counts on a server. While that cannot be reached, each gateway counts for itself.

    Args:
        scripts: On the server.
        timeout_s: A call waits so long for the server.
    """

    def __init__(self, scripts: Scripts, timeout_s: float = TIMEOUT_S) -> None:
        self._scripts = scripts
        self._timeout_s = timeout_s
        self._local = LocalLimiter()
        self._circuit: Circuit | None = None
        self._settling: set[asyncio.Task[None]] = set()

    async def reserve(
        self, endpoint: RoutableEndpoint, caller: Principal, tokens: int
    ) -> Reservation:
        """See ``Limiter``."""
        limits = () if endpoint.ai_gateway is None else endpoint.ai_gateway.rate_limits
        asked = question(endpoint.id, requirements(limits, caller), tokens)
        if not asked.keys:
            return SharedReservation(self, (), 0, 0)
        answer = await self._asked(asked)
        if answer is None:
            return await self._local.reserve(endpoint, caller, tokens)
        if answer[0] == 1:
            keys = tuple(asked.keys[number] for number in answer[2:])
            return SharedReservation(self, keys, answer[1], tokens)
        _, wait_s, number, lacks_tokens = answer
        kind = "tokens" if lacks_tokens else "calls"
        raise refusal(endpoint.name, [UsedUp(asked.whose[number], kind, max(1, wait_s))])

    def settle_soon(self, keys: tuple[str, ...], args: tuple[int, int, int]) -> None:
        """Tell the server what was used; when that fails, the estimate stays for its minute."""
        task = asyncio.create_task(self._settle(keys, args))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def aclose(self) -> None:
        """Tell the server what was used up to now, and close the connections to it."""
        await asyncio.gather(*self._settling)
        await self._scripts.aclose()

    async def _settle(self, keys: tuple[str, ...], args: tuple[int, int, int]) -> None:
        try:
            await asyncio.wait_for(self._scripts.settle(keys, args), self._timeout_s)
        except (OSError, TimeoutError, asyncio.TimeoutError) as error:
            logger.debug("a rate limit keeps its estimate: %s", error)

    async def _asked(self, asked: Question) -> list[int] | None:
        """The server's answer, or None when it has none to give."""
        if self._circuit is not None and not self._circuit.admits():
            return None
        try:
            answer = await asyncio.wait_for(
                self._scripts.reserve(asked.keys, asked.args), self._timeout_s
            )
        except (OSError, TimeoutError, asyncio.TimeoutError) as error:
            self._missed(error)
            return None
        if self._circuit is not None:
            logger.warning("rate limits are shared again")
            self._circuit = None
        return answer

    def _missed(self, error: Exception) -> None:
        if self._circuit is None:
            self._circuit = Circuit(time.monotonic, tolerated=1)
            reason = str(error) or "it does not answer"
            logger.warning("rate limits count per process until Redis answers: %s", reason)
        self._circuit.failed()


def connect(url: str, timeout_s: float = TIMEOUT_S) -> Scripts:
    """The programs on the server at ``redis://``, ``rediss://`` or ``unix://``.

    Args:
        url: See above.
        timeout_s: For a free connection, and for the server to answer.

    Raises:
        ConfigurationError: The extra is missing, or the address is none.
    """
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.exceptions import RedisError
    except ImportError:
        raise ConfigurationError(
            "redis_url is set, but the client is not installed: pip install 'lakeserve[redis]'"
        ) from None
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
        )
    except ValueError as error:
        raise ConfigurationError(f"redis_url cannot be used: {error}") from None

    client = Redis.from_pool(pool)

    def loaded(name: str) -> Script:
        script = client.register_script((_HERE / name).read_text())

        async def run(keys: Sequence[str], args: Sequence[int]) -> list[int]:
            try:
                answer: list[int] = await script(keys=list(keys), args=list(args))
            except RedisError as error:
                raise OSError(str(error)) from error
            return answer

        return run

    return Scripts(loaded("shared.lua"), loaded("settle.lua"), client.aclose)
