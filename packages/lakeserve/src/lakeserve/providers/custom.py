"""A server with OpenAI's chat schema at one address of its own."""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.endpoints import Target
from lakeserve.providers.base import Operation, UpstreamRequest, with_fields
from lakeserve.providers.openai import OpenAIProvider, bearer, usage_fields


class CustomProvider(OpenAIProvider):
    """Posts to the option ``path`` as it stands, query included.

    The credential travels as a bearer token, or in the header that the option ``header`` names.
    """

    name = "custom"
    documented_name = "custom"

    def speaks(self, target: Target, operation: Operation) -> bool:
        """It is one address, for one operation."""
        return False

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        fields = {"model": target.upstream_model, **usage_fields(body)}
        content = with_fields(body, raw, fields)
        return UpstreamRequest(target.options["path"], _credential(target), content)


def _credential(target: Target) -> tuple[tuple[str, str], ...]:
    if target.credential is None:
        return ()
    header = target.options.get("header")
    return (bearer(target.credential) if header is None else (header, target.credential),)
