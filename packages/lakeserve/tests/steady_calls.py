"""Calls at a fixed rate, whether those before were answered or not."""

import asyncio
import threading
from collections import Counter

import aiohttp
from harness import PlatformProcess, wait_until

# An update starts a worker, which takes long on a busy cluster.
PATIENCE_S = 240
QUESTION = {"messages": [{"role": "user", "content": "How are you?"}], "max_tokens": 1}


class SteadyCalls:
    """Sends so many calls a second to an endpoint while the context lasts, then waits for the rest.

    Attributes:
        answers: How often each served entity has answered.
        failures: How often each call that was not answered with 200 ended so.
    """

    def __init__(self, platform: PlatformProcess, endpoint: str, per_second: float) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._platform = platform
        self._endpoint = endpoint
        self._pause_s = 1 / per_second
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send_all()))

    def __enter__(self) -> "SteadyCalls":
        self._thread.start()
        assert wait_until(lambda: self.answers.total() >= 20), self.failures
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def answered(self, entity: str, more: int) -> bool:
        """Whether an entity has soon answered so many more."""
        wanted = self.answers[entity] + more
        return wait_until(lambda: self.answers[entity] >= wanted, PATIENCE_S)

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        path = f"/serving-endpoints/{self._endpoint}/invocations"
        headers = {"Authorization": f"Bearer {self._platform.token}"}
        async with aiohttp.ClientSession(
            self._platform.url, headers=headers, connector=aiohttp.TCPConnector(limit=0)
        ) as session:
            calls = set()
            due = loop.time()
            while not self._over.is_set():
                calls.add(asyncio.ensure_future(self._send(session, path)))
                due += self._pause_s
                await asyncio.sleep(due - loop.time())
            await asyncio.gather(*calls)

    async def _send(self, session: aiohttp.ClientSession, path: str) -> None:
        try:
            async with session.post(path, json=QUESTION) as reply:
                if reply.status == 200:
                    self.answers[(await reply.json())["model"]] += 1
                else:
                    self.failures[await reply.text()] += 1
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            self.failures[repr(error)] += 1
