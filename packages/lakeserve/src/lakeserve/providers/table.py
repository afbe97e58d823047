"""Every provider by its name."""

from collections.abc import Mapping

from lakeserve.core.errors import ConfigurationError
from lakeserve.providers.ai21 import Ai21Provider
from lakeserve.providers.anthropic import AnthropicProvider
from lakeserve.providers.azure import AzureProvider
from lakeserve.providers.base import Provider
from lakeserve.providers.bedrock import BedrockProvider
from lakeserve.providers.cohere import CohereProvider
from lakeserve.providers.custom import CustomProvider
from lakeserve.providers.databricks import DatabricksProvider
from lakeserve.providers.local import LocalProvider
from lakeserve.providers.mlflow import MlflowProvider
from lakeserve.providers.openai import OpenAIProvider
from lakeserve.providers.palm import PalmProvider
from lakeserve.providers.plugins import PLUGINS
from lakeserve.providers.vertex import VertexProvider

PROVIDERS: Mapping[str, Provider] = {
    "local": LocalProvider(),
    "mlflow": MlflowProvider(),
    "openai": OpenAIProvider(),
    "azure": AzureProvider(),
    "ai21labs": Ai21Provider(),
    "amazon-bedrock": BedrockProvider(),
    "anthropic": AnthropicProvider(),
    "cohere": CohereProvider(),
    "custom": CustomProvider(),
    "databricks-model-serving": DatabricksProvider(),
    "google-cloud-vertex-ai": VertexProvider(),
    "palm": PalmProvider(),
    **{name: plugin.translation for name, plugin in PLUGINS.items()},
}

# Those whose models take back, in later turns, what they thought in earlier ones.
THOUGHTFUL = frozenset(
    {
        "amazon-bedrock",
        "anthropic",
        "cohere",
        "databricks-model-serving",
        "google-cloud-vertex-ai",
    }
)


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
