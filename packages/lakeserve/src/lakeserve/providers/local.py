"""A worker of this platform: OpenAI's protocol on a unix socket, always behind ``/v1``."""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import WireError
from lakeserve.providers.base import (
    Asked,
    EventTranslator,
    Framing,
    Operation,
    UpstreamRequest,
    error_value,
    upstream_error,
    with_fields,
)

PATHS: Mapping[Operation, str] = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "embeddings": "/v1/embeddings",
}


class LocalProvider:
    """Speaks to the platform's own workers; what they say about a request is said to the caller."""

    name = "local"
    restartable = True

    def speaks(self, target: Target, operation: Operation) -> bool:
        """It has none of them."""
        return False

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        content = with_fields(body, raw, {"model": target.upstream_model})
        return UpstreamRequest(PATHS[operation], (), content)

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """Workers answer in the caller's form."""
        return body

    def events(self, asked: Asked) -> EventTranslator | None:
        """Workers stream in the caller's form."""
        return None

    def framing(self, asked: Asked) -> Framing | None:
        """Streams are server-sent events."""
        return None

    def error(self, status: int, body: bytes, headers: Mapping[str, str]) -> WireError:
        """The text of ``{"error": {"message": ...}}``, without its wrapping."""
        return upstream_error(status, _message(error_value(body), status), headers)


def _message(value: Any, status: int) -> str:
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, str) and error:
        return error
    if isinstance(error, dict) and isinstance(error.get("message"), str) and error["message"]:
        return str(error["message"])
    return f"The model's worker answered with status {status}."
