"""Acme's models: OpenAI's protocol with a header of its own."""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.endpoints import Target
from lakeserve.core.external_models import CHAT, ProviderForm
from lakeserve.providers.base import Operation, UpstreamRequest
from lakeserve.providers.openai import OpenAIProvider
from lakeserve.providers.plugins import ProviderPlugin


class AcmeProvider(OpenAIProvider):
    """Chat, with the key in ``x-acme-key`` and the option ``team`` beside it."""

    name = "acme"
    documented_name = "acme"

    def speaks(self, target: Target, operation: Operation) -> bool:
        return False

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        request = super().build(target, operation, body, raw)
        key = ("x-acme-key", target.credential or "")
        return request._replace(headers=(key, ("x-acme-team", target.options["team"])))


PLUGIN = ProviderPlugin(
    form=ProviderForm(
        "acme_config",
        secrets=("acme_api_key",),
        choices=(("acme_api_key",),),
        tasks=(CHAT,),
        required=("acme_url",),
        optional=("acme_team",),
        addresses=("acme_url",),
    ),
    translation=AcmeProvider(),
    address=lambda block: str(block["acme_url"]),
    options=lambda block: {"team": str(block.get("acme_team", "none"))},
)
