"""OpenAI models on Azure: OpenAI's protocol under the path of a deployment.

Source: "Azure OpenAI REST API reference".
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from lakeserve.core.endpoints import Target
from lakeserve.providers.base import Operation, UpstreamRequest, encode, with_fields
from lakeserve.providers.openai import PATHS, OpenAIProvider, usage_fields


class AzureProvider(OpenAIProvider):
    """The options ``deployment`` and ``api_version`` are in the path and the query."""

    name = "azure"

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``; the body carries no ``model``, because the deployment is it."""
        options = target.options
        version = f"?api-version={options['api_version']}"
        headers = () if target.credential is None else (("api-key", target.credential),)
        if operation == "responses":  # there, the deployment is the model
            fields = {"model": unquote(options["deployment"])}
            return UpstreamRequest(
                f"/openai{PATHS[operation]}{version}", headers, with_fields(body, raw, fields)
            )
        deployment = f"/openai/deployments/{options['deployment']}"
        path = f"{deployment}{PATHS[operation]}{version}"
        content = {name: value for name, value in body.items() if name != "model"}
        return UpstreamRequest(path, headers, encode({**content, **usage_fields(body)}))
