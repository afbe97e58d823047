"""Between the platform and the gateways beside it: one line of JSON each way, on a unix socket.

``{"activate": ID}`` is answered with an address or an error. After ``{"follow": REVISION}`` the
platform tells every new revision, and the gateway answers with the one that counts there.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lakeserve.core.endpoints import Address
from lakeserve.core.errors import Unavailable
from lakeserve.core.ports import Activator

logger = logging.getLogger(__name__)

# A gateway that hangs must not hold up those that change something.
PATIENCE_S = 0.5
RECONNECT_S = 0.5


class GatewayLink:
    """The platform's side: starts workers for gateways, and tells them what has changed."""

    def __init__(self) -> None:
        self._activator: Activator | None = None
        self._followers: dict[asyncio.StreamWriter, int] = {}
        self._moved = asyncio.Condition()
        self._server: asyncio.Server | None = None

    async def start(self, path: Path, activator: Activator) -> None:
        """Listen on a unix socket; one that a killed platform has left behind is replaced."""
        self._activator = activator
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, path)

    async def stop(self) -> None:
        """Close every connection."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._followers):
                writer.close()
            self._server = None

    async def announce(self, revision: int) -> None:
        """Tell the gateways of a revision; wait until it counts in all of them, or not for long."""
        for writer in self._followers:
            _send(writer, {"revision": revision})
        async with self._moved:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(
                    self._moved.wait_for(
                        lambda: all(seen >= revision for seen in self._followers.values())
                    ),
                    PATIENCE_S,
                )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await _receive(reader)
            if asked is not None and "activate" in asked:
                _send(writer, await self._activated(str(asked["activate"])))
            elif asked is not None and "follow" in asked:
                await self._hear(reader, writer, int(asked["follow"]))
        except (OSError, ValueError):
            logger.debug("a gateway has gone")
        finally:
            writer.close()

    async def _hear(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, revision: int
    ) -> None:
        self._followers[writer] = revision
        try:
            while (answer := await _receive(reader)) is not None:
                self._followers[writer] = int(answer["revision"])
                async with self._moved:
                    self._moved.notify_all()
        finally:
            del self._followers[writer]
            async with self._moved:
                self._moved.notify_all()

    async def _activated(self, entity_id: str) -> dict[str, Any]:
        if self._activator is None:
            raise ValueError("not started")
        try:
            return {"address": (await self._activator.activate(entity_id)).plain()}
        except Unavailable as error:
            return {"unavailable": error.message, "retry_after": error.retry_after}


class PlatformLink:
    """A gateway's side; its ``Activator``.

    Args:
        path: The platform's socket.
        catch_up: Lets what is stored count, and answers with the revision.
    """

    def __init__(self, path: Path, catch_up: Callable[[], Awaitable[int]]) -> None:
        self._path = path
        self._catch_up = catch_up
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen to the platform."""
        self._task = asyncio.create_task(self._listen(), name="platform link")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def activate(self, entity_id: str) -> Address:
        """See ``Activator.activate``."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
            try:
                _send(writer, {"activate": entity_id})
                answer = await _receive(reader)
            finally:
                writer.close()
        except (OSError, ValueError):
            answer = None
        if answer is None:
            raise Unavailable("The platform that runs this model does not answer.", retry_after=1)
        if "unavailable" in answer:
            raise Unavailable(answer["unavailable"], retry_after=answer["retry_after"])
        return Address(**answer["address"])

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except (OSError, ValueError, Unavailable):
                logger.debug("the platform cannot be heard; trying again")
            await asyncio.sleep(RECONNECT_S)

    async def _follow(self) -> None:
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            _send(writer, {"follow": await self._catch_up()})
            while await _receive(reader) is not None:
                _send(writer, {"revision": await self._catch_up()})
        finally:
            writer.close()


class NoPlatform:
    """The ``Activator`` of a gateway that has no platform on its machine."""

    async def activate(self, entity_id: str) -> Address:
        """See ``Activator.activate``; there is no way to a worker elsewhere."""
        raise Unavailable(
            "The model of this endpoint runs in a worker on another machine, which this gateway"
            " cannot reach. Send the call to the platform itself.",
            retry_after=1,
        )


def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(json.dumps(message).encode() + b"\n")


async def _receive(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message, or None at the end."""
    line = await reader.readline()
    if not line:
        return None
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message
