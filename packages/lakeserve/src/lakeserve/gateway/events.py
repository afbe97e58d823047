"""The events of one upstream answer, in the form that the caller is promised."""

from collections.abc import Callable

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import BadUpstream, WireError
from lakeserve.gateway.upstream.connection import Connection, Drain
from lakeserve.gateway.upstream.failure import UpstreamFailure
from lakeserve.providers.base import EventTranslator, Framing

Push = Callable[[bytes], bool]


class EventSource:
    """Whole events, translated where the provider speaks another dialect.

    Attributes:
        target: Who answers.
        connection: Where the answer comes from.
        tail: What is still to be sent once ``read`` has returned nothing.
    """

    __slots__ = ("_pending", "_splitter", "_translator", "connection", "tail", "target")

    def __init__(
        self,
        connection: Connection,
        target: Target,
        framing: Framing,
        translator: EventTranslator | None,
    ) -> None:
        self.connection = connection
        self.target = target
        self.tail = b""
        self._translator = translator
        self._splitter = framing
        self._pending: WireError | None = None

    async def read(self) -> bytes:
        """The next whole events; empty at the end of the answer.

        Raises:
            WireError: The upstream reported a failure, or what it sent cannot be used.
            UpstreamFailure: The answer was cut.
        """
        self._raise_pending()
        try:
            while data := await self.connection.read():
                events = self._take(data)
                if events:
                    return events
                self._raise_pending()
        except UpstreamFailure:
            if not self._is_done():
                raise
        self._end()
        return b""

    async def pump(self, observe: Callable[[bytes], None], push: Push, drained: Drain) -> None:
        """Hand on the rest of the events as they come, up to the end of the answer.

        Args:
            observe: Is told of whole events before they are handed on.
            push: Takes whole events; answers whether it can take more for now.
            drained: Waits until it can.

        Raises:
            WireError: The upstream reported a failure, or what it sent cannot be used.
            UpstreamFailure: The answer was cut.
        """
        take = self._taker(observe, push)

        async def ready() -> None:
            self._raise_pending()
            await drained()

        self._raise_pending()
        try:
            await self.connection.pump(take, ready)
        except UpstreamFailure:
            if not self._is_done():
                raise
        self._raise_pending()
        self._end()

    def _taker(self, observe: Callable[[bytes], None], push: Push) -> Callable[[bytes], None]:
        """What each part of the answer is handed to; see ``pump``."""
        hold = self.connection.hold

        def take(data: bytes) -> None:
            if self._pending is not None:
                return
            try:
                events = self._take(data)
            except WireError as error:
                self._pending = error
                events = b""
            if events:
                observe(events)
                if not push(events):
                    hold()
            if self._pending is not None:
                hold()

        return take

    def _raise_pending(self) -> None:
        if self._pending is not None:
            raise self._pending

    def _take(self, data: bytes) -> bytes:
        events = self._splitter.feed(data)
        translator = self._translator
        if translator is None or not events:
            return events
        events = translator.feed(events)
        if translator.failure is not None:
            self._pending = translator.failure
        return events

    def _is_done(self) -> bool:
        return self._splitter.done if self._translator is None else self._translator.done

    def _end(self) -> None:
        # Without its end mark a stream is whole only where HTTP says so.
        is_whole = self._is_done() or (
            self._translator is None and not self.connection.close_delimited
        )
        if not is_whole:
            raise BadUpstream(
                f"The upstream of served entity {self.target.entity_name!r} ended its stream early."
            )
        is_marked = self._splitter.done and self._translator is None
        self.tail = b"" if is_marked else self._splitter.end
