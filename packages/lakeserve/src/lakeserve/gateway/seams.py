"""Where other parts of the platform join a call on its way through the gateway.

The composition root supplies them; a call only meets those that its endpoint asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lakeserve.core.endpoints import RoutableEndpoint, Target
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Ledger
from lakeserve.core.usage import CallRecord
from lakeserve.gateway.task import Question
from lakeserve.gateway.trace_context import Headers


class Reservation(Protocol):
    """What one call has taken of its limits until its true size is known."""

    def settle(self, tokens: int) -> None:
        """Put the tokens that were used in the place of the estimate. Called once."""
        ...


class Limiter(Protocol):
    """Knows how much of each rate limit is used up."""

    async def reserve(
        self, endpoint: RoutableEndpoint, caller: Principal, tokens: int
    ) -> Reservation:
        """Take one call and an estimate of its tokens from every limit that applies.

        Raises:
            TooManyRequests: A limit is used up; nothing was taken.
        """
        ...


class KeptAnswer(NamedTuple):
    """An answer that was given before.

    Attributes:
        body: All of it as the caller gets it; of a stream all events, ``[DONE]`` included.
        entity_id: Who gave it.
        headers: To go out with it, such as ``age``.
    """

    body: bytes
    entity_id: str
    entity_name: str
    model_name: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0


class AnswerCache(Protocol):
    """Answers that may be given again.

    It is asked before the rules of the endpoint are, and given what has passed them, so its keys
    must change with them.
    """

    async def find(
        self,
        endpoint: RoutableEndpoint,
        entity: str | None,
        asked: Question,
        headers: Mapping[bytes, bytes],
    ) -> KeptAnswer | None:
        """An answer to exactly this question, if the request's ``cache-control`` allows one.

        Args:
            endpoint: Whose answer it is.
            entity: The only served entity that may answer, or None for any.
            asked: The question.
            headers: Of the request.
        """
        ...

    def keep(
        self,
        endpoint: RoutableEndpoint,
        entity: str | None,
        asked: Question,
        headers: Mapping[bytes, bytes],
        answer: KeptAnswer,
    ) -> None:
        """Keep a whole, successful answer, if the request's ``cache-control`` allows it."""
        ...


class CallTrace(Protocol):
    """The trace of one call."""

    def attempt(self, target: Target, operation: str) -> Headers:
        """A request is about to leave for an upstream; the headers that it shall carry."""
        ...

    def end(self, call: CallRecord) -> None:
        """The call is over."""
        ...


class Tracing(Protocol):
    """Decides which calls are traced."""

    def begin(self, headers: Mapping[bytes, bytes]) -> CallTrace | None:
        """A call has come; None when it is not traced."""
        ...


class OutputRules(Protocol):
    """Looks at one answer before the caller sees it."""

    async def whole(self, body: bytes) -> bytes:
        """What the caller gets in the place of a whole answer.

        Raises:
            WireError: Nothing of it may leave.
        """
        ...

    async def events(self, events: bytes) -> bytes:
        """What of whole events may leave by now; the rest is held back.

        Raises:
            WireError: Nothing more of it may leave.
        """
        ...

    async def end(self) -> bytes:
        """What was held back, now that the answer is whole; ``[DONE]`` is not part of it.

        Raises:
            WireError: It may not leave.
        """
        ...


class Rules(Protocol):
    """What may be asked and answered, as the endpoint's owner wants it."""

    async def check(self, endpoint: RoutableEndpoint, asked: Question) -> Question:
        """The question as the upstream may see it; the same object when nothing was changed.

        Raises:
            WireError: It may not be asked.
        """
        ...

    def output(self, endpoint: RoutableEndpoint, asked: Question) -> OutputRules:
        """The rules for one answer, which the endpoint has.

        Raises:
            WireError: The rules cannot be kept for this question.
        """
        ...


@dataclass(frozen=True, slots=True)
class Seams:
    """Everything that joins. What is None is not built; endpoints that ask for it answer 501."""

    ledger: Ledger | None = None
    limiter: Limiter | None = None
    cache: AnswerCache | None = None
    rules: Rules | None = None
    tracing: Tracing | None = None
