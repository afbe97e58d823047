from typing import Any

import pytest
from lakeserve.core.endpoints import Address, EntityState, ExternalModel, ServedEntity
from lakeserve.core.errors import InvalidParameter
from lakeserve.providers.table import PROVIDERS
from lakeserve.reconcile.external import external_target, secret_values

READY = EntityState("DEPLOYMENT_READY")
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
        Address(
            host="me.openai.azure.com",
            port=443,
            tls=True,
            base_path="/openai/deployments/my%20gpt",
        ),
        {"api_version": "2024-06-01"},
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
]


def entity(model: ExternalModel) -> ServedEntity:
    return ServedEntity("1", "mine", model, "m", "M.", traffic_percentage=30)


@pytest.mark.parametrize(("provider", "options", "name", "address", "extra"), PLACES)
def test_where_calls_go(
    provider: str, options: dict[str, Any], name: str, address: Address, extra: dict[str, str]
) -> None:
    model = ExternalModel(provider, "m", options)
    target = external_target(entity(model), model, {"secret": "sk"}, READY)
    assert (target.provider, target.address, target.options) == (name, address, extra)
    assert (target.credential, target.weight, target.failure) == ("sk", 30, None)
    assert name in PROVIDERS


def test_every_translation_has_its_place() -> None:
    assert {name for _, _, name, _, _ in PLACES} == set(PROVIDERS) - {"local", "mlflow"}


def test_without_secrets_it_cannot_serve() -> None:
    model = ExternalModel("openai", "m", {})
    target = external_target(entity(model), model, None, EntityState("DEPLOYMENT_FAILED", "why"))
    assert (target.failure, target.credential) == ("why", None)


async def test_secrets_are_resolved_or_unsealed(secrets: Any) -> None:
    secrets.known["{{secrets/s/k}}"] = "sk-1"
    by_reference = ExternalModel("openai", "m", {"openai_api_key": "{{secrets/s/k}}"})
    assert await secret_values(by_reference, "a", secrets) == {"openai_api_key": "sk-1"}
    sealed = ExternalModel("custom", "m", {}, {"bearer_token_auth.token": "value"})
    assert await secret_values(sealed, "a", secrets) == {"bearer_token_auth.token": "value"}
    missing = ExternalModel("custom", "m", {"api_key_auth": {"key": "k", "value": "{{x}}"}})
    with pytest.raises(InvalidParameter, match="for a"):
        await secret_values(missing, "a", secrets)


async def test_a_secret_that_cannot_be_sent(secrets: Any) -> None:
    secrets.known["{{secrets/s/k}}"] = "sk-secret\n"
    model = ExternalModel("openai", "m", {"openai_api_key": "{{secrets/s/k}}"})
    with pytest.raises(InvalidParameter, match="field openai_api_key holds a line break") as caught:
        await secret_values(model, "a", secrets)
    assert "sk-secret" not in str(caught.value)
