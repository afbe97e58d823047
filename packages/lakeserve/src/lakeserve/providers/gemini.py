"""Gemini on Vertex AI, by Google's own protocol.

Not in the provider table yet: a call needs a token that somebody gets from Google and renews.

Source: Vertex AI's reference, "generateContent" and "streamGenerateContent".
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import BadRequest, WireError
from lakeserve.providers.base import (
    Asked,
    EventTranslator,
    Operation,
    UpstreamRequest,
    encode,
    external_error,
)
from lakeserve.providers.event_values import EventValues
from lakeserve.providers.gemini_parts import PROVIDER
from lakeserve.providers.gemini_reply import GenerationReader, chat_completion
from lakeserve.providers.gemini_request import generate_request
from lakeserve.providers.openai import bearer


class GeminiProvider:
    """Chat. The address ends with the location, ``/v1/projects/{p}/locations/{r}``.

    The credential is an access token, not the key of a service account.
    """

    name = PROVIDER
    restartable = False

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        if operation != "chat":
            raise BadRequest(f"Provider {self.name!r} has no {operation} yet.")
        method = "generateContent"
        if body.get("stream") is True:
            method = "streamGenerateContent?alt=sse"
        path = f"/publishers/google/models/{quote(target.upstream_model, safe='')}:{method}"
        headers = () if target.credential is None else (bearer(target.credential),)
        return UpstreamRequest(path, headers, encode(generate_request(body)))

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """See ``Provider.reply``."""
        return chat_completion(asked, body)

    def events(self, asked: Asked) -> EventTranslator | None:
        """See ``Provider.events``."""
        return EventValues(self.name, GenerationReader(asked))

    def error(self, status: int, body: bytes, headers: Mapping[str, str]) -> WireError:
        """The vendor's error as JSON text, marked with the provider's name."""
        return external_error(self.name, status, body, headers)
