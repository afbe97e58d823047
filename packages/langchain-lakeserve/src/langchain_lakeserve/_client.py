"""Calls to one host: credentials, retries and parsing around the HTTP of `_http`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import aclosing

import orjson

from langchain_lakeserve._auth import Credentials
from langchain_lakeserve._failures import parse_reply, status_error, streamed_error
from langchain_lakeserve._http import (
    AsyncStream,
    Reply,
    Request,
    SyncStream,
    aopen_stream,
    asend,
    open_stream,
    send,
)
from langchain_lakeserve._json import JSONObject, JSONValue, encode
from langchain_lakeserve._retry import Attempts
from langchain_lakeserve._sse import DONE, EventDecoder
from langchain_lakeserve.errors import LakeserveError, NotJSONError, StreamInterruptedError

DEFAULT_TIMEOUT = 600.0
DEFAULT_RETRIES = 2

EXCERPT = 4096
PLAIN_REPLY = 64 * 1024 * 1024

END: JSONObject = {}
"""Yielded, itself and not a copy, when the server says that a stream is complete."""


class Client:
    """Calls to one host, sync and async.

    Args:
        credentials: Who asks, and where.
        timeout: Seconds for a whole call, retries and credentials included; for a stream,
            until its first byte and then between any two.
        max_retries: How often to try again.
        headers: Sent with each request.
    """

    def __init__(
        self,
        credentials: Credentials,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._credentials = credentials
        self._timeout = DEFAULT_TIMEOUT if timeout is None else timeout
        self._retries = DEFAULT_RETRIES if max_retries is None else max_retries
        self._headers = {
            "content-type": "application/json",
            "accept-encoding": "identity",  # events shall not wait in a compressor
            "user-agent": "langchain-lakeserve",
            **{name.lower(): value for name, value in (headers or {}).items()},
        }

    def __deepcopy__(self, memo: dict[int, object]) -> Client:
        return self  # holds no state of a call, and no connection

    def post(self, path: str, body: JSONObject, timeout: float | None = None) -> JSONValue:
        """Post JSON and return the reply's JSON.

        Raises:
            LakeserveError: See `errors`.
        """
        reply = self._sync("POST", path, encode(body), timeout)
        return parse_reply(reply.headers, reply.body)

    def get(self, path: str, timeout: float | None = None) -> JSONValue:
        """Get JSON."""
        reply = self._sync("GET", path, None, timeout)
        return parse_reply(reply.headers, reply.body)

    async def apost(self, path: str, body: JSONObject, timeout: float | None = None) -> JSONValue:
        """Post JSON; the async twin of `post`."""
        reply = await self._async("POST", path, encode(body), timeout)
        return parse_reply(reply.headers, reply.body)

    async def aget(self, path: str, timeout: float | None = None) -> JSONValue:
        """Get JSON; the async twin of `get`."""
        reply = await self._async("GET", path, None, timeout)
        return parse_reply(reply.headers, reply.body)

    def events(
        self, path: str, body: JSONObject, timeout: float | None = None
    ) -> Generator[JSONObject]:
        """Post JSON and yield the events of the reply; closing it closes the connection."""
        with self._open(path, encode(body), timeout) as stream:
            reader = EventReader(stream.headers)
            pieces = stream.pieces()
            for piece in pieces:
                yield from reader.read(piece)
                if reader.done:
                    break
            yield from reader.end()
            stream.drain()

    async def aevents(
        self, path: str, body: JSONObject, timeout: float | None = None
    ) -> AsyncGenerator[JSONObject]:
        """Post JSON and yield the events of the reply; the async twin of `events`."""
        async with await self._aopen(path, encode(body), timeout) as stream:
            reader = EventReader(stream.headers)
            async with aclosing(stream.pieces()) as pieces:
                async for piece in pieces:
                    for event in reader.read(piece):
                        yield event
                    if reader.done:
                        break
            for event in reader.end():
                yield event
            await stream.drain()

    def _sync(self, method: str, path: str, body: bytes | None, timeout: float | None) -> Reply:
        attempts = Attempts(self._retries, self._timeout if timeout is None else timeout)
        while True:
            try:
                headers = self._credentials.headers(attempts.remaining())
                reply = send(self._request(method, path, headers, body), attempts.remaining())
                if reply.status < 300:
                    return reply
                raise status_error(reply.status, reply.headers, reply.body)
            except LakeserveError as error:
                delay = self._delay(attempts, error)
            time.sleep(delay)

    async def _async(
        self, method: str, path: str, body: bytes | None, timeout: float | None
    ) -> Reply:
        attempts = Attempts(self._retries, self._timeout if timeout is None else timeout)
        while True:
            try:
                headers = await self._credentials.aheaders(attempts.remaining())
                reply = await asend(
                    self._request(method, path, headers, body), attempts.remaining()
                )
                if reply.status < 300:
                    return reply
                raise status_error(reply.status, reply.headers, reply.body)
            except LakeserveError as error:
                delay = self._delay(attempts, error)
            await asyncio.sleep(delay)

    def _open(self, path: str, body: bytes, timeout: float | None) -> SyncStream:
        attempts = Attempts(self._retries, self._timeout if timeout is None else timeout)
        while True:
            try:
                headers = self._credentials.headers(attempts.remaining())
                stream = open_stream(
                    self._request("POST", path, headers, body), attempts.remaining()
                )
                if stream.status < 300:
                    return stream
                with stream:
                    raise status_error(stream.status, stream.headers, stream.read())
            except LakeserveError as error:
                delay = self._delay(attempts, error)
            time.sleep(delay)

    async def _aopen(self, path: str, body: bytes, timeout: float | None) -> AsyncStream:
        attempts = Attempts(self._retries, self._timeout if timeout is None else timeout)
        while True:
            try:
                headers = await self._credentials.aheaders(attempts.remaining())
                stream = await aopen_stream(
                    self._request("POST", path, headers, body), attempts.remaining()
                )
                if stream.status < 300:
                    return stream
                async with stream:
                    raise status_error(stream.status, stream.headers, await stream.read())
            except LakeserveError as error:
                delay = self._delay(attempts, error)
            await asyncio.sleep(delay)

    def _request(
        self, method: str, path: str, credentials: Mapping[str, str], body: bytes | None
    ) -> Request:
        headers = {**credentials, **self._headers}
        return Request(method, self._credentials.host + path, headers, body)

    def _delay(self, attempts: Attempts, error: LakeserveError) -> float:
        """Return how long to wait before the next attempt, or raise the error."""
        if attempts.wants_new_token(error) and self._credentials.renew():
            return 0.0
        return attempts.delay_after(error)


class EventReader:
    """From the bytes of a stream to its parsed events.

    Args:
        headers: The reply's, for the message when the body is no stream.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._decoder = EventDecoder()
        self._headers = headers
        self._any = False
        self._keep = PLAIN_REPLY if "json" in headers.get("content-type", "") else EXCERPT
        self._start = b""
        self.done = False

    def read(self, piece: bytes) -> Iterator[JSONObject]:
        """Yield the events that the next bytes complete.

        Raises:
            StreamedAPIError: One of them reports an error.
            NotJSONError: One of them is not JSON.
        """
        if not self._any and len(self._start) < self._keep:
            self._start += piece
        for data in self._decoder.feed(piece):
            self._any = True
            if data == DONE:
                self.done = True
                yield END
                return
            yield self._event(data)

    def end(self) -> Iterator[JSONObject]:
        """Yield what the end of the stream completes.

        Raises:
            StreamInterruptedError: The last event is cut in the middle.
            NotJSONError: The reply never was a stream of events.
        """
        if self.done:
            return
        for data in self._decoder.flush():
            if data == DONE:
                self.done = True
                yield END
                return
            try:
                event = self._event(data)
            except NotJSONError as error:
                raise StreamInterruptedError("the stream ended within an event") from error
            self._any = True
            yield event
        if not self._any and self._start.strip():
            whole = parse_reply(self._headers, self._start)
            if isinstance(whole, dict):  # an endpoint that does not stream answers at once
                yield self._checked(whole)
                yield END

    def _event(self, data: bytes) -> JSONObject:
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise NotJSONError(f"an event of the stream is not JSON: {data[:120]!r}") from error
        if not isinstance(event, dict):
            raise NotJSONError(f"an event of the stream is not an object: {data[:120]!r}")
        return self._checked(event)

    @staticmethod
    def _checked(event: JSONObject) -> JSONObject:
        if "error" in event or "error_code" in event:
            error = streamed_error(event)
            if error is not None:
                raise error
        return event
