"""A server elsewhere that speaks OpenAI's protocol."""

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
    external_error,
    with_fields,
)

PATHS: Mapping[Operation, str] = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "responses": "/responses",
}


class OpenAIProvider:
    """Passes bodies through, with the upstream's name of the model and its bearer credential."""

    name = "openai"
    documented_name = "openai"
    restartable = False

    def speaks(self, target: Target, operation: Operation) -> bool:
        """OpenAI invented the responses."""
        return operation == "responses"

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``; a stream is asked for its usage, which callers expect unasked."""
        fields: dict[str, Any] = {"model": target.upstream_model}
        # Of the responses, usage comes unasked.
        if body.get("stream") is True and operation != "responses":
            fields |= usage_fields(body)
        headers = () if target.credential is None else (bearer(target.credential),)
        if "organization" in target.options:
            headers = (*headers, ("openai-organization", target.options["organization"]))
        return UpstreamRequest(PATHS[operation], headers, with_fields(body, raw, fields))

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """The reply is in the caller's form already."""
        return body

    def events(self, asked: Asked) -> EventTranslator | None:
        """The events are in the caller's form already."""
        return None

    def framing(self, asked: Asked) -> Framing | None:
        """Streams are server-sent events."""
        return None

    def error(self, status: int, body: bytes, headers: Mapping[str, str]) -> WireError:
        """The upstream's error as JSON text, marked with the provider's documented name."""
        return external_error(self.documented_name, status, body, headers)


def usage_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """What to add to a body so that its answer, when it is a stream, reports its usage."""
    if body.get("stream") is not True:
        return {}
    options = body.get("stream_options")
    given = options if isinstance(options, dict) else {}
    return {"stream_options": {**given, "include_usage": True}}


def bearer(credential: str) -> tuple[str, str]:
    """The header that carries a bearer credential."""
    return ("authorization", f"Bearer {credential}")
