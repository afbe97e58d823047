"""From what the server said to the error that is raised; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import orjson

from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve.errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    NotJSONError,
    PermissionDeniedError,
    RateLimitError,
    RequestTooLargeError,
    ServerError,
    StatusError,
    StreamedAPIError,
)

_BY_STATUS: dict[int, type[StatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: RequestTooLargeError,
    429: RateLimitError,
}
_EXCERPT = 500


def status_error(status: int, headers: Mapping[str, str], body: bytes) -> StatusError:
    """Build the error for a reply whose status means failure."""
    code, text = _code_and_text(body)
    request_id = headers.get("x-databricks-request-id") or headers.get("x-request-id")
    kind = _BY_STATUS.get(status) or (ServerError if status >= 500 else BadRequestError)
    parts = [f"HTTP {status}"]
    if code:
        parts.append(code)
    message = f"{' '.join(parts)}: {text or 'the server gave no reason'}"
    if request_id:
        message += f" (request id {request_id})"
    return kind(
        message,
        status=status,
        error_code=code,
        request_id=request_id,
        server_text=text,
        retry_after=retry_after(headers),
    )


def streamed_error(event: JSONObject) -> StreamedAPIError | None:
    """Build the error that an event of a stream reports, or None for an ordinary event."""
    error = event.get("error")
    if not error and not event.get("error_code"):
        return None
    code, text = _described(event)
    label = f"{code}: " if code else ""
    return StreamedAPIError(
        f"the server ended the stream with an error: {label}{text or event}",
        error_code=code,
        server_text=text,
    )


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read `Retry-After` in its three spellings, in seconds."""
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return max(0.0, (when - (now or datetime.now(timezone.utc))).total_seconds())


def parse_reply(headers: Mapping[str, str], body: bytes) -> JSONValue:
    """Parse a successful reply.

    Raises:
        NotJSONError: The body is something else, such as a login page.
    """
    try:
        parsed: JSONValue = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        kind = headers.get("content-type", "no content type")
        excerpt = body[:120].decode("utf-8", "replace")
        hint = " (a login page? check host and token)" if "html" in kind else ""
        raise NotJSONError(f"expected JSON, the server sent {kind}{hint}: {excerpt!r}") from error
    return parsed


def _number(value: str | None) -> float | None:
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _code_and_text(body: bytes) -> tuple[str | None, str | None]:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body[:_EXCERPT].decode("utf-8", "replace").strip()
        return None, text or None
    if isinstance(parsed, dict):
        code, described = _described(parsed)
        return code, described or body[:_EXCERPT].decode("utf-8", "replace")
    return None, str(parsed)[:_EXCERPT]


def _described(body: JSONObject) -> tuple[str | None, str | None]:
    """Find code and text in any of the shapes in use (Databricks, OpenAI, FastAPI)."""
    error = body.get("error")
    nested = error if isinstance(error, dict) else {}
    code = body.get("error_code") or nested.get("code") or nested.get("type")
    text = (
        body.get("message")
        or nested.get("message")
        or (error if isinstance(error, str) else None)
        or body.get("detail")
    )
    return (None if code is None else str(code)), (None if text is None else str(text))
