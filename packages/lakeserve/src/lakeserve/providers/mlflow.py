"""A worker of a registered model: MLflow's scoring protocol on a unix socket."""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import WireError
from lakeserve.providers.base import (
    CSV_FIELD,
    Asked,
    EventTranslator,
    Framing,
    Operation,
    UpstreamRequest,
    encode,
    error_value,
    upstream_error,
)

PATH = "/invocations"


class MlflowProvider:
    """Speaks to workers of models; what they say about a request is said to the caller."""

    name = "mlflow"
    restartable = True

    def speaks(self, target: Target, operation: Operation) -> bool:
        """Models are asked for predictions, whatever these are."""
        return False

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        if CSV_FIELD in body:
            return UpstreamRequest(PATH, (("content-type", CSV_FIELD),), body[CSV_FIELD].encode())
        return UpstreamRequest(PATH, (), encode(body) if raw is None else raw)

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """Models answer in their own form."""
        return body

    def events(self, asked: Asked) -> EventTranslator | None:
        """Models stream in their own form."""
        return None

    def framing(self, asked: Asked) -> Framing | None:
        """Streams are server-sent events."""
        return None

    def error(self, status: int, body: bytes, headers: Mapping[str, str]) -> WireError:
        """The text of ``{"error_code", "message"}``."""
        value = error_value(body)
        text = value.get("message") if isinstance(value, dict) else None
        message = text if isinstance(text, str) and text else f"The worker answered with {status}."
        return upstream_error(status, message, headers)
