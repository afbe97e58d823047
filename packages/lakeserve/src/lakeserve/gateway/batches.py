"""One call for embeddings, asked in several requests where an upstream takes few texts in each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import BadRequest, BadUpstream
from lakeserve.gateway.accounting import Account
from lakeserve.gateway.attempt_failure import AttemptFailed
from lakeserve.gateway.task import Question
from lakeserve.gateway.trace_context import Headers

# Requests of one call that are under way at the same time.
AT_ONCE = 8

# As many as OpenAI's own interface takes (their API reference, "Create embeddings", ``input``).
MAX_TEXTS = 2048

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


class Attempted(Protocol):
    """What is told of attempts: the account of a call, or of its requests together.

    Attributes:
        first_byte: ``time.perf_counter()`` at the first byte of the answer.
    """

    first_byte: float

    def begins(self, target: Target) -> Headers:
        """A request is about to leave for an upstream; the headers that it shall carry."""
        ...


class Together:
    """All requests that one call is asked in, for its account.

    To a trace they are one request, which begins with the first of them and ends with the last.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._passed_on: Headers | None = None

    @property
    def first_byte(self) -> float:
        """Of the last answer: before it there is none."""
        return self._account.first_byte

    @first_byte.setter
    def first_byte(self, moment: float) -> None:
        self._account.first_byte = moment

    def begins(self, target: Target) -> Headers:
        """See ``Attempted``."""
        if self._passed_on is None:
            self._passed_on = self._account.begins(target)
        else:
            self._account.attempts += 1
        return self._passed_on


class Batch(NamedTuple):
    """Some texts of a call.

    Attributes:
        start: Place of the first of them.
        asked: The call with no others.
    """

    start: int
    asked: Question


class Embedded(NamedTuple):
    """The answer for one batch.

    Attributes:
        data: Its embeddings with their places in the whole, as the inside of a JSON list.
        model: As the upstream names it.
        usage: None where the upstream said nothing of it.
    """

    data: bytes
    model: Any
    usage: dict[str, int] | None


def exceeds(asked: Question, most: int) -> bool:
    """Whether a call has more texts than fit into one request."""
    if asked.operation != "embeddings" or asked.stream:
        return False
    texts = asked.body.get("input")
    return (
        isinstance(texts, list)
        and len(texts) > most
        and all(isinstance(text, str) for text in texts)
    )


def split(asked: Question, most: int) -> list[Batch]:
    """The texts of a call that ``exceeds`` one request, in order.

    Raises:
        BadRequest: They are too many for one call.
    """
    texts: list[str] = asked.body["input"]
    if len(texts) > MAX_TEXTS:
        raise BadRequest(f"Field 'input' must hold at most {MAX_TEXTS} texts, not {len(texts)}.")
    return [
        Batch(
            start,
            asked._replace(body={**asked.body, "input": texts[start : start + most]}, raw=None),
        )
        for start in range(0, len(texts), most)
    ]


def embedded(batch: Batch, answer: bytes) -> Embedded:
    """Read the answer for one batch, in the form that callers get.

    Raises:
        AttemptFailed: It does not hold an embedding for each text.
    """
    count = len(batch.asked.body["input"])
    try:
        value = orjson.loads(answer)
        placed = [{**each, "index": batch.start + i} for i, each in enumerate(value["data"])]
        data = orjson.dumps(placed)[1:-1]
    # It is no JSON, has another form, or is nested deeper than the encoder goes.
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, LookupError, TypeError):
        placed = []
    if len(placed) != count:
        text = "The upstream did not answer with an embedding for each text."
        raise AttemptFailed(BadUpstream(text))
    return Embedded(data, value.get("model"), _usage(value.get("usage")))


def _usage(value: object) -> dict[str, int] | None:
    if not isinstance(value, dict):
        return None
    return {name: count for name, count in value.items() if isinstance(count, int)}


def joined(parts: Sequence[Embedded]) -> bytes:
    """The answer to a call from those for its batches, in their order."""
    rest: dict[str, Any] = {"model": parts[0].model}
    usages = [part.usage for part in parts if part.usage is not None]
    if len(usages) == len(parts):
        names = dict.fromkeys(name for usage in usages for name in usage)
        rest["usage"] = {name: sum(usage.get(name, 0) for usage in usages) for name in names}
    data = b",".join(part.data for part in parts)
    # Usage comes last, for there it is found without reading the rest.
    return b'{"object":"list","data":[%b],%b' % (data, orjson.dumps(rest)[1:])


async def answers(
    ask: Callable[[_Asked], Awaitable[_Answer]], questions: Sequence[_Asked]
) -> list[_Answer]:
    """Ask some questions at a time; their answers in order.

    The first failure is that of the whole. Nothing is under way any more when it is raised, nor
    when whoever waits here is cancelled.
    """
    found: dict[int, _Answer] = {}
    waiting = iter(enumerate(questions))

    async def ask_on() -> None:
        for place, question in waiting:
            found[place] = await ask(question)

    tasks = [asyncio.create_task(ask_on()) for _ in range(min(AT_ONCE, len(questions)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [found[place] for place in range(len(questions))]
