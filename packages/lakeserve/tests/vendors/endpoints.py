"""An endpoint for each vendor, each task and each way to authenticate."""

from dataclasses import dataclass
from typing import Any

from token_services import CLIENT_ID, CLIENT_SECRET, TENANT
from vendors.street import (
    API_VERSION,
    AWS_ID,
    AWS_REGION,
    AWS_SECRET,
    DEPLOYMENT,
    KEY,
    Street,
    plain,
)


@dataclass(frozen=True)
class VendorEndpoint:
    """What it is called, what leads to it, and what its model can do.

    Attributes:
        model: The block ``external_model``.
        streams: Whether its answers can come as events.
        tools: Whether it calls tools.
        schema: Whether it answers in JSON of a schema.
    """

    name: str
    model: dict[str, Any]
    streams: bool = True
    tools: bool = True
    schema: bool = True

    @property
    def task(self) -> str:
        return str(self.model["task"]).rpartition("/")[2]

    @property
    def is_native(self) -> bool:
        """Whether the vendor has a Responses API of its own."""
        return bool(self.model["provider"] == "openai")


def vendor_endpoints(street: Street) -> list[VendorEndpoint]:
    """All of them."""
    url = street.url
    return [
        *_openai(url),
        *_azure(street),
        *_others(url),
        *_bedrock(url),
        *_vertex(street),
        _acme(url),
    ]


def _of(
    name: str, provider: str, model: str, task: str, block: str, config: dict[str, Any], **can: bool
) -> VendorEndpoint:
    external = {"name": model, "provider": provider, "task": f"llm/v1/{task}", block: config}
    return VendorEndpoint(name, external, **can)


def _openai(url: str) -> list[VendorEndpoint]:
    config = plain("openai_api_key", openai_api_base=f"{url}/openai/v1")
    block = "openai_config"
    return [
        _of("v-openai-chat", "openai", "gpt", "chat", block, config),
        _of("v-openai-text", "openai", "gpt-text", "completions", block, config),
        _of("v-openai-vectors", "openai", "vectors", "embeddings", block, config),
    ]


def _azure(street: Street) -> list[VendorEndpoint]:
    place = {
        "openai_api_base": f"{street.url}/azure",
        "openai_deployment_name": DEPLOYMENT,
        "openai_api_version": API_VERSION,
    }
    key = plain("openai_api_key", openai_api_type="azure", **place)
    entra = {
        **place,
        "openai_api_type": "azuread",
        "microsoft_entra_client_id": CLIENT_ID,
        "microsoft_entra_client_secret_plaintext": CLIENT_SECRET,
        "microsoft_entra_tenant_id": TENANT,
        "microsoft_entra_authority": street.entra.url,
    }
    block = "openai_config"
    return [
        _of("v-azure-chat", "openai", "gpt", "chat", block, key),
        _of("v-entra-chat", "openai", "gpt", "chat", block, entra),
        _of("v-entra-text", "openai", "gpt", "completions", block, entra),
        _of("v-azure-vectors", "openai", "gpt", "embeddings", block, key),
    ]


def _others(url: str) -> list[VendorEndpoint]:
    custom = {
        "custom_provider_url": f"{url}/custom/ask/me?x=1",
        "api_key_auth": {"key": "x-my-key", "value_plaintext": KEY},
    }
    remote = plain("databricks_api_token", databricks_workspace_url=f"{url}/databricks")
    databricks = ("databricks-model-serving", "databricks_model_serving_config", remote)
    claude = plain("anthropic_api_key", anthropic_api_base=f"{url}/anthropic/v1")
    cohere = plain("cohere_api_key", cohere_api_base=f"{url}/cohere")
    ai21 = plain("ai21labs_api_key", ai21labs_api_base=f"{url}/ai21")
    palm = plain("palm_api_key", palm_api_base=f"{url}/palm")
    bare = {"streams": False, "tools": False, "schema": False}
    found = [
        _of("v-custom-chat", "custom", "mine", "chat", "custom_provider_config", custom),
        _of("v-claude-chat", "anthropic", "claude-x", "chat", "anthropic_config", claude),
        _of("v-claude-text", "anthropic", "claude-x", "completions", "anthropic_config", claude),
        _of("v-cohere-chat", "cohere", "command", "chat", "cohere_config", cohere),
        _of("v-cohere-text", "cohere", "command", "completions", "cohere_config", cohere),
        _of("v-cohere-vectors", "cohere", "embed", "embeddings", "cohere_config", cohere),
        _of("v-ai21-text", "ai21labs", "j2", "completions", "ai21labs_config", ai21, **bare),
        _of("v-palm-chat", "palm", "bison", "chat", "palm_config", palm, **bare),
        _of("v-palm-text", "palm", "bison", "completions", "palm_config", palm, **bare),
        _of("v-palm-vectors", "palm", "gecko", "embeddings", "palm_config", palm),
    ]
    provider, block, config = databricks
    for model, task in (("chat", "chat"), ("text", "completions"), ("vectors", "embeddings")):
        found.append(
            _of(f"v-remote-{model}", provider, f"remote-{model}", task, block, dict(config))
        )
    return found


def _acme(url: str) -> VendorEndpoint:
    """A third party's, whose distribution has to be installed."""
    config = plain("acme_api_key", acme_url=f"{url}/acme", acme_team="blue")
    return _of("v-acme-chat", "acme", "acme-1", "chat", "acme_config", config)


def _bedrock(url: str) -> list[VendorEndpoint]:
    base = {
        "aws_region": AWS_REGION,
        "aws_access_key_id_plaintext": AWS_ID,
        "aws_secret_access_key_plaintext": AWS_SECRET,
        "amazon_bedrock_api_base": f"{url}/bedrock",
    }
    provider, block = "amazon-bedrock", "amazon_bedrock_config"
    amazon = {**base, "bedrock_provider": "amazon"}
    cohere = {**base, "bedrock_provider": "cohere"}
    claude = {**base, "bedrock_provider": "anthropic"}
    sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    titan = "amazon.titan-text-express-v1"
    embed = "amazon.titan-embed-text-v2:0"
    return [
        _of("v-bedrock-chat", provider, sonnet, "chat", block, claude),
        _of("v-nova-chat", provider, "amazon.nova-2-lite-v1:0", "chat", block, amazon),
        _of("v-bedrock-text", provider, sonnet, "completions", block, claude),
        _of("v-titan-text", provider, titan, "completions", block, amazon),
        _of("v-titan-vectors", provider, embed, "embeddings", block, amazon),
        _of("v-bedrock-vectors", provider, "cohere.embed-v4:0", "embeddings", block, cohere),
    ]


def _vertex(street: Street) -> list[VendorEndpoint]:
    config = {
        "project_id": "my-project",
        "region": "us-central1",
        "private_key_plaintext": street.google.key_file(),
        "google_cloud_vertex_ai_api_base": f"{street.url}/vertex",
    }
    provider, block = "google-cloud-vertex-ai", "google_cloud_vertex_ai_config"
    llama = "meta/llama-4-maverick-17b-128e-instruct-maas"
    return [
        _of("v-gemini-chat", provider, "gemini-2.5-flash", "chat", block, config),
        _of("v-vertex-claude-chat", provider, "claude-sonnet-4-5@1", "chat", block, config),
        _of("v-llama-chat", provider, llama, "chat", block, config),
        _of("v-gemini-text", provider, "gemini-2.5-flash", "completions", block, config),
        _of("v-vertex-vectors", provider, "text-embedding-005", "embeddings", block, config),
    ]
