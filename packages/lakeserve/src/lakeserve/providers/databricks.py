"""An endpoint of another workspace, or of another platform like this one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lakeserve.core.endpoints import Target
from lakeserve.providers.base import Operation, UpstreamRequest, encode
from lakeserve.providers.openai import OpenAIProvider, bearer


class DatabricksProvider(OpenAIProvider):
    """The endpoint's name is in the path; bodies pass without ``model``."""

    name = "databricks-model-serving"
    documented_name = "databricks-model-serving"

    def speaks(self, target: Target, operation: Operation) -> bool:
        """It is one address, for one operation."""
        return False

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        path = f"/serving-endpoints/{quote(target.upstream_model, safe='')}/invocations"
        headers = () if target.credential is None else (bearer(target.credential),)
        if raw is not None and "model" not in body:
            return UpstreamRequest(path, headers, raw)
        content = {name: value for name, value in body.items() if name != "model"}
        return UpstreamRequest(path, headers, encode(content))
