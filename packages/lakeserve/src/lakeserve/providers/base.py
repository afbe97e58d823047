"""What a provider is: a translation of values, without state and without I/O."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import orjson

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import (
    BadRequest,
    BadUpstream,
    DeadlineExceeded,
    PermissionDenied,
    TooManyRequests,
    Unavailable,
    WireError,
)
from lakeserve.core.ids import now_ms

# The last three are asked and answered in the words of their inventors: OpenAI's responses,
# Anthropic's messages and Gemini's generated content.
Operation = Literal[
    "chat", "completions", "embeddings", "predict", "responses", "messages", "generate"
]

# A body of CSV is a JSON object with this one field, from the gateway's reading of it on.
CSV_FIELD = "text/csv"

# Below this size writing a body anew costs less than looking for the bytes to exchange.
SPLICE_FROM_BYTES = 8192

_MODEL = re.compile(rb'"model"\s*:\s*"[^"\\]*"')


class UpstreamRequest(NamedTuple):
    """A POST to an upstream.

    Attributes:
        path: Follows the address's ``base_path``; starts with a slash.
        headers: Without ``host``, ``content-length`` and ``content-type``, which is always JSON.
    """

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Asked(NamedTuple):
    """What an upstream was asked, for reading its answer.

    Attributes:
        body: The caller's JSON object, without the gateway's own fields.
    """

    target: Target
    operation: Operation
    body: Mapping[str, Any]


class EventTranslator(Protocol):
    """Turns the events of one upstream stream into those that the caller is promised.

    The stream's last event, ``[DONE]``, is the gateway's.
    """

    @property
    def done(self) -> bool:
        """Whether the upstream has said that its stream is whole."""
        ...

    @property
    def failure(self) -> WireError | None:
        """What the upstream failed with in the middle of its stream; nothing follows it."""
        ...

    def feed(self, events: bytes) -> bytes:
        """Translate whole events of ``data:`` lines; may answer with none yet.

        Never raises: what precedes a failure still has to reach the caller.
        """
        ...


class Framing(Protocol):
    """Cuts the bytes of one upstream stream into whole events.

    Attributes:
        end: The mark that callers find at the end of the stream; empty where there is none.
    """

    end: bytes

    @property
    def done(self) -> bool:
        """Whether the mark has passed already, where the caller gets the events as they are."""
        ...

    def feed(self, data: bytes) -> bytes:
        """The whole events in what has arrived so far, as ``data:`` lines, each exactly once.

        Raises:
            BadUpstream: The bytes are not what the upstream documents.
        """
        ...


class Provider(Protocol):
    """The dialect of one kind of upstream."""

    @property
    def name(self) -> str:
        """The provider's name, in the table and in error messages."""
        ...

    @property
    def restartable(self) -> bool:
        """Whether the activator can bring the upstream back when it does not answer."""
        ...

    def speaks(self, target: Target, operation: Operation) -> bool:
        """Whether the upstream itself has one of the operations that have an inventor."""
        ...

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """The request that asks the upstream for ``operation``.

        Args:
            target: Names the model there and carries the credential.
            operation: What is asked.
            body: The caller's JSON object, without the gateway's own fields.
            raw: The bytes ``body`` was read from, or None when it was changed since.

        Raises:
            BadRequest: The body holds something that this provider cannot be asked.
        """
        ...

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """The caller's form of a whole reply.

        Raises:
            BadUpstream: It is not what this provider documents.
        """
        ...

    def events(self, asked: Asked) -> EventTranslator | None:
        """A translator for one stream, or None when the events pass as they are."""
        ...

    def framing(self, asked: Asked) -> Framing | None:
        """What cuts one stream, or None for server-sent events of which the data matters."""
        ...

    def error(self, status: int, body: bytes, headers: Mapping[str, str]) -> WireError:
        """The caller's form of a reply whose status is not 2xx. ``headers`` are in lower case."""
        ...


@runtime_checkable
class FewTexts(Protocol):
    """What a provider is besides, when a request for embeddings may not hold any number of texts.

    Calls with more of them are asked in several requests.
    """

    def most_texts(self, target: Target) -> int | None:
        """How many texts one request may hold, at least one; None for any number."""
        ...


class UpstreamMissing(WireError):
    """The upstream does not know the model or the path."""

    status = 404
    error_code = "NOT_FOUND"


def upstream_error(status: int, message: str, headers: Mapping[str, str]) -> WireError:
    """The error of the caller's side that stands for an upstream's status."""
    retry_after = retry_after_s(headers.get("retry-after"))
    if status in {401, 403}:
        return PermissionDenied(message)
    if status == 404:
        return UpstreamMissing(message)
    if status in {408, 504}:
        return DeadlineExceeded(message)
    if status == 429:
        return TooManyRequests(message, retry_after=retry_after)
    if status in {503, 529}:
        return Unavailable(message, retry_after=retry_after)
    if 400 <= status < 500:
        return BadRequest(message)
    return BadUpstream(message)


def external_error(
    provider: str, status: int, body: bytes, headers: Mapping[str, str]
) -> WireError:
    """A vendor's error as JSON text, marked with the provider's name."""
    value = {"external_model_provider": provider, "external_model_error": error_value(body)}
    try:
        message = orjson.dumps(value)
    except orjson.JSONEncodeError:  # it is nested deeper than the encoder goes
        message = orjson.dumps({**value, "external_model_error": _as_text(body)})
    return upstream_error(status, message.decode(), headers)


def retry_after_s(value: str | None) -> int | None:
    """Whole seconds of a ``Retry-After`` header, a number or a date; None if unusable."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return int(value.strip()[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0, math.ceil(moment.timestamp() - now_ms() / 1000))


def error_value(body: bytes) -> Any:
    """An upstream's error body as JSON, or its text as an object when it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _as_text(body)


def _as_text(body: bytes) -> dict[str, str]:
    return {"message": body[:2000].decode("utf-8", "replace")}


def encode(body: Mapping[str, Any]) -> bytes:
    """The JSON bytes of a body.

    Raises:
        BadRequest: It is nested deeper than the encoder goes (254 levels).
    """
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError as error:
        raise BadRequest(f"The request body cannot be passed on as JSON: {error}.") from None


def with_fields(body: Mapping[str, Any], raw: bytes | None, fields: Mapping[str, Any]) -> bytes:
    """``body`` with some top-level fields set, as JSON bytes.

    Large bodies are not written anew where their own bytes can be kept.

    Raises:
        BadRequest: The body is nested too deep.
    """
    if raw is not None and len(raw) >= SPLICE_FROM_BYTES:
        spliced = _spliced(body, raw, fields)
        if spliced is not None:
            return spliced
    return encode({**body, **fields})


def _spliced(body: Mapping[str, Any], raw: bytes, fields: Mapping[str, Any]) -> bytes | None:
    """The bytes of ``raw`` with ``fields`` put in, or None when that is not certain to be right."""
    added = {name: value for name, value in fields.items() if name not in body}
    if set(fields) - set(added) - {"model"} or not body:
        return None
    if "model" in body:
        # A key may be spelt with escapes; then the only plain "model" could be a nested one.
        if raw.count(b'"model"') != 1 or b"\\u00" in raw:
            return None
        match = _MODEL.search(raw)
        if match is None:
            return None
        new = b'"model":' + orjson.dumps(fields["model"])
        raw = raw[: match.start()] + new + raw[match.end() :]
    if not added:
        return raw
    return orjson.dumps(added)[:-1] + b"," + raw[raw.index(b"{") + 1 :]
