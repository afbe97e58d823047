from typing import Any

import pytest
from lakeserve.core.endpoints import Address, ExternalModel
from lakeserve.core.external_models import translation_name
from lakeserve.providers.table import PROVIDERS
from lakeserve.reconcile.places import place

BEDROCK = {"aws_region": "eu-west-1", "bedrock_provider": "Anthropic"}
VERTEX = {"project_id": "my-project", "region": "us-central1"}


AZURE = {
    "openai_api_type": "azure",
    "openai_api_base": "https://me.openai.azure.com/",
    "openai_deployment_name": "my gpt",
    "openai_api_version": "2024-06-01",
}
URL = "http://host:9/v2/ask?x=1"

PLACES: list[tuple[str, dict[str, Any], str, Address, dict[str, str]]] = [
    (
        "openai",
        {},
        "openai",
        Address(host="api.openai.com", port=443, tls=True, base_path="/v1"),
        {},
    ),
    (
        "openai",
        {"openai_api_base": "http://h:1/v1/", "openai_organization": "org"},
        "openai",
        Address(host="h", port=1, base_path="/v1"),
        {"organization": "org"},
    ),
    (
        "openai",
        AZURE,
        "azure",
        Address(host="me.openai.azure.com", port=443, tls=True),
        {"deployment": "my%20gpt", "api_version": "2024-06-01"},
    ),
    (
        "custom",
        {"custom_provider_url": URL},
        "custom",
        Address(host="host", port=9),
        {"path": "/v2/ask?x=1"},
    ),
    (
        "custom",
        {"custom_provider_url": "http://host", "api_key_auth": {"key": "x-key"}},
        "custom",
        Address(host="host", port=80),
        {"path": "/", "header": "x-key"},
    ),
    (
        "databricks-model-serving",
        {"databricks_workspace_url": "https://w"},
        "databricks-model-serving",
        Address(host="w", port=443, tls=True),
        {},
    ),
    (
        "anthropic",
        {},
        "anthropic",
        Address(host="api.anthropic.com", port=443, tls=True, base_path="/v1"),
        {},
    ),
    (
        "anthropic",
        {"anthropic_api_base": "http://h:1/a/", "anthropic_version": "2099-01-01"},
        "anthropic",
        Address(host="h", port=1, base_path="/a"),
        {"anthropic_version": "2099-01-01"},
    ),
    ("cohere", {}, "cohere", Address(host="api.cohere.ai", port=443, tls=True), {}),
    (
        "cohere",
        {"cohere_api_base": "http://h:1/proxy/v2/"},
        "cohere",
        Address(host="h", port=1, base_path="/proxy"),
        {},
    ),
    (
        "ai21labs",
        {},
        "ai21labs",
        Address(host="api.ai21.com", port=443, tls=True, base_path="/studio/v1"),
        {},
    ),
    ("ai21labs", {"ai21labs_api_base": "http://h:1"}, "ai21labs", Address(host="h", port=1), {}),
    (
        "palm",
        {"palm_api_base": "http://h:1/p/"},
        "palm",
        Address(host="h", port=1, base_path="/p"),
        {},
    ),
    (
        "openai",
        {**AZURE, "openai_api_type": "azuread"},
        "azure",
        Address(host="me.openai.azure.com", port=443, tls=True),
        {"deployment": "my%20gpt", "api_version": "2024-06-01"},
    ),
    (
        "amazon-bedrock",
        BEDROCK,
        "amazon-bedrock",
        Address(host="bedrock-runtime.eu-west-1.amazonaws.com", port=443, tls=True),
        {"bedrock_provider": "anthropic"},
    ),
    (
        "amazon-bedrock",
        {**BEDROCK, "amazon_bedrock_api_base": "http://h:1"},
        "amazon-bedrock",
        Address(host="h", port=1),
        {"bedrock_provider": "anthropic"},
    ),
    (
        "google-cloud-vertex-ai",
        VERTEX,
        "google-cloud-vertex-ai",
        Address(
            host="us-central1-aiplatform.googleapis.com",
            port=443,
            tls=True,
            base_path="/v1/projects/my-project/locations/us-central1",
        ),
        {},
    ),
    (
        "google-cloud-vertex-ai",
        {**VERTEX, "google_cloud_vertex_ai_api_base": "http://h:1/proxy/"},
        "google-cloud-vertex-ai",
        Address(host="h", port=1, base_path="/proxy/v1/projects/my-project/locations/us-central1"),
        {},
    ),
]


@pytest.mark.parametrize(("provider", "options", "name", "address", "extra"), PLACES)
def test_where_calls_go(
    provider: str, options: dict[str, Any], name: str, address: Address, extra: dict[str, str]
) -> None:
    model = ExternalModel(provider, "m", options)
    assert place(model) == (address, extra)
    assert translation_name(model) == name


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
    ],
)
def test_regions_of_several_places(region: str, host: str) -> None:
    model = ExternalModel("google-cloud-vertex-ai", "m", {**VERTEX, "region": region})
    address, _ = place(model)
    assert address.host == host


def test_every_translation_has_its_place() -> None:
    assert {name for _, _, name, _, _ in PLACES} == set(PROVIDERS) - {"local", "mlflow"}
