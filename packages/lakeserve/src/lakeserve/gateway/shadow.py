"""Copies of calls to an entity whose answers are only written down."""

import asyncio
import logging

from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import DeadlineExceeded, WireError
from lakeserve.gateway.accounting import Account
from lakeserve.gateway.attempts import Attempts, WholeAnswer, cut
from lakeserve.gateway.intake import CallerGone
from lakeserve.gateway.task import Question
from lakeserve.gateway.upstream.failure import UpstreamFailure

logger = logging.getLogger(__name__)

# Beyond these copies are left out: a slow shadow must not fill the gateway's memory.
MAX_SHADOWS = 64


class Shadows:
    """Copies under way."""

    def __init__(self, attempts: Attempts, timeout_s: float) -> None:
        self._attempts = attempts
        self._timeout_s = timeout_s
        self._running: set[asyncio.Task[None]] = set()

    def cast(
        self, endpoint: RoutableEndpoint, entity: str, asked: Question, account: Account
    ) -> None:
        """Send a copy of a call, unless too many are under way. Waits for nothing."""
        if len(self._running) >= MAX_SHADOWS:
            logger.debug("no copy for %s: %d are under way", entity, MAX_SHADOWS)
            return
        task = asyncio.create_task(self._follow(endpoint, entity, asked, account.shadow()))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def aclose(self) -> None:
        """End the copies under way; they are written down as left by their caller."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _follow(
        self, endpoint: RoutableEndpoint, entity: str, asked: Question, account: Account
    ) -> None:
        try:
            await asyncio.wait_for(
                self._exchange(endpoint, entity, asked, account), self._timeout_s
            )
        except (TimeoutError, asyncio.TimeoutError):
            account.close_with(DeadlineExceeded("The copy took too long."))
        except WireError as error:
            account.close_with(error)
        except asyncio.CancelledError:
            account.close_with(CallerGone())
            raise
        except Exception as error:  # nobody waits for this task
            logger.exception("a copy of a call to %s failed", entity)
            account.close_with(error)

    async def _exchange(
        self, endpoint: RoutableEndpoint, entity: str, asked: Question, account: Account
    ) -> None:
        answer = await self._attempts.open(endpoint, entity, asked, account)
        if isinstance(answer, WholeAnswer):
            account.answered(answer.body)
        else:
            observe = account.observes_stream().passed
            try:
                part = answer.first
                while part:
                    observe(part)
                    part = await answer.events.read()
            except UpstreamFailure as failure:
                raise cut(answer.target, failure) from failure
            finally:
                self._attempts.release(answer)
        account.close(200)
