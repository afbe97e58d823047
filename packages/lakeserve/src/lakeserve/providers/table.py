"""Every provider by its name."""

from collections.abc import Mapping

from lakeserve.core.errors import ConfigurationError
from lakeserve.providers.anthropic import AnthropicProvider
from lakeserve.providers.azure import AzureProvider
from lakeserve.providers.base import Provider
from lakeserve.providers.cohere import CohereProvider
from lakeserve.providers.custom import CustomProvider
from lakeserve.providers.databricks import DatabricksProvider
from lakeserve.providers.local import LocalProvider
from lakeserve.providers.mlflow import MlflowProvider
from lakeserve.providers.openai import OpenAIProvider

PROVIDERS: Mapping[str, Provider] = {
    "local": LocalProvider(),
    "mlflow": MlflowProvider(),
    "openai": OpenAIProvider(),
    "azure": AzureProvider(),
    "anthropic": AnthropicProvider(),
    "cohere": CohereProvider(),
    "custom": CustomProvider(),
    "databricks-model-serving": DatabricksProvider(),
}


def provider(name: str) -> Provider:
    """The provider of this name.

    Raises:
        ConfigurationError: There is none; the text names the valid ones.
    """
    try:
        return PROVIDERS[name]
    except KeyError:
        valid = ", ".join(sorted(PROVIDERS))
        raise ConfigurationError(f"provider {name!r} is unknown; valid ones: {valid}") from None
