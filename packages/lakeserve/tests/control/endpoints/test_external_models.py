from typing import Any

import pytest
from lakeserve.control.endpoints.external_models import draft, references
from lakeserve.control.endpoints.requests import ExternalModelInput
from lakeserve.core.endpoints import ExternalModel
from lakeserve.core.errors import InvalidParameter, NotBuilt
from lakeserve.core.external_models import FORMS, translation_name
from lakeserve.providers.table import PROVIDERS

CHAT = "llm/v1/chat"
REF = "{{secrets/my-scope/my.key}}"
SECRET = "sk-very-secret"
AZURE = {
    "openai_api_type": "azure",
    "openai_api_base": "https://me.openai.azure.com",
    "openai_deployment_name": "gpt",
    "openai_api_version": "2024-06-01",
}
# For each provider a block that is accepted.
BLOCKS: dict[str, dict[str, Any]] = {
    "openai": {"openai_api_key": REF},
    "custom": {"custom_provider_url": "http://h/x?y=1", "bearer_token_auth": {"token": REF}},
    "databricks-model-serving": {
        "databricks_workspace_url": "https://w",
        "databricks_api_token": REF,
    },
    "anthropic": {"anthropic_api_key": REF},
    "cohere": {"cohere_api_key": REF},
    "amazon-bedrock": {
        "aws_region": "us-east-1",
        "bedrock_provider": "anthropic",
        "aws_access_key_id": REF,
        "aws_secret_access_key": REF,
    },
    "google-cloud-vertex-ai": {"project_id": "p", "region": "r", "private_key": REF},
    "ai21labs": {"ai21labs_api_key": REF},
    "palm": {"palm_api_key": REF, "palm_api_base": "http://h"},
}


def given(provider: str, block: Any, /, **fields: Any) -> ExternalModelInput:
    form = FORMS.get(provider, FORMS["openai"])
    values = {"name": "m", "provider": provider, "task": form.tasks[0], form.block: block}
    return ExternalModelInput.model_validate({**values, **fields})


@pytest.mark.parametrize("provider", FORMS)
def test_every_provider_is_accepted(provider: str) -> None:
    assert set(BLOCKS) == set(FORMS)
    model = ExternalModel(provider, "m", BLOCKS[provider])
    assert translation_name(model) in PROVIDERS
    checked = draft(given(provider, BLOCKS[provider]), "e")
    assert (checked.model, checked.plaintexts) == (model, {})


@pytest.mark.parametrize(
    ("provider", "block", "shown", "plaintexts"),
    [
        (
            "openai",
            {"openai_api_key_plaintext": SECRET, "openai_organization": None},
            {},
            {"openai_api_key": SECRET},
        ),
        ("openai", {**AZURE, "openai_api_key": REF}, {**AZURE, "openai_api_key": REF}, {}),
        (
            "custom",
            {
                "custom_provider_url": "http://h",
                "api_key_auth": {"key": "x-key", "value_plaintext": SECRET},
            },
            {"custom_provider_url": "http://h", "api_key_auth": {"key": "x-key"}},
            {"api_key_auth.value": SECRET},
        ),
    ],
)
def test_plaintext_secrets_are_kept_apart(
    provider: str, block: dict[str, Any], shown: dict[str, Any], plaintexts: dict[str, str]
) -> None:
    checked = draft(given(provider, block), "e")
    assert (checked.model.options, checked.plaintexts) == (shown, plaintexts)
    assert SECRET not in repr(checked)


def test_references() -> None:
    assert references(draft(given("custom", BLOCKS["custom"]), "e").model) == (REF,)
    assert references(draft(given("openai", {"openai_api_key_plaintext": "x"}), "e").model) == ()


KEY = {"openai_api_key": REF}
URL = {"custom_provider_url": "http://h"}
REFUSED: list[tuple[str, Any, str]] = [
    ("openai", None, "'e.openai_config' is required"),
    ("openai", SECRET, "'e.openai_config' is required and must be an object"),
    ("openai", {}, "lacks its credential; accepted: 'openai_api_key' .or 'openai_api_key_plaint"),
    ("openai", {**KEY, "openai_api_key_plaintext": SECRET}, "exclude each other"),
    ("openai", {"openai_api_key": SECRET}, "must be a reference of the form"),
    ("openai", {"openai_api_key_plaintext": [SECRET]}, "must be a text"),
    ("openai", {"openai_api_key_plaintext": SECRET + "\n"}, "plaintext' holds a line break"),
    ("openai", {"openai_api_key_plaintext": "\ud800"}, "plaintext' holds a line break"),
    ("openai", {**KEY, SECRET[:3]: 1}, "Unknown field 'e.openai_config.sk-'; accepted: openai_api"),
    ("openai", {**KEY, "openai_api_type": "other"}, "'other'; accepted: openai, azure, azuread"),
    ("openai", {**KEY, "openai_api_base": "ftp://h"}, "'e.openai_config.openai_api_base' is no us"),
    ("openai", {**KEY, "openai_api_base": "http://u:p@h"}, "neither user, password, query nor"),
    ("openai", {**KEY, "openai_api_base": "http://h:x"}, "no usable address"),
    ("openai", {**KEY, "openai_api_base": "http://h?x=1"}, "no usable address"),
    ("openai", {**KEY, "openai_api_base": "http://h\r\nx"}, "api_base' holds a line break"),
    ("openai", {**KEY, "openai_api_base": "http://h x"}, "no usable address"),
    ("openai", {**KEY, "openai_api_type": "azure"}, "openai_api_base' is required when"),
    ("openai", {**KEY, **AZURE, "openai_api_type": "azuread"}, "microsoft_entra_"),
    ("openai", {**KEY, "microsoft_entra_client_id": "x"}, "more than one kind of credential"),
    ("custom", {"bearer_token_auth": {"token": REF}}, "custom_provider_url' is required"),
    ("custom", {**URL, "bearer_token_auth": REF}, "Unknown field .*bearer_token_auth'"),
    ("custom", {**URL, "bearer_token_auth": {"tokn": REF}}, "Unknown field .*_auth.tokn'"),
    ("custom", {**URL, "api_key_auth": {"value": REF}}, "api_key_auth.key' is required"),
    ("custom", {**URL, "api_key_auth": {"key": "a b", "value": REF}}, "'a b'; accepted: the name"),
    ("custom", {**URL, "api_key_auth": {"key": "Host", "value": REF}}, "'Host'; accepted: the na"),
    ("databricks-model-serving", {"databricks_api_token": REF}, "workspace_url' is required"),
    ("amazon-bedrock", {"aws_access_key_id": REF}, "aws_secret_access_key' is required"),
    (
        "amazon-bedrock",
        {**BLOCKS["amazon-bedrock"], "bedrock_provider": "meta"},
        "'meta'; accepted: anthropic, cohere, ai21labs, amazon",
    ),
    (
        "amazon-bedrock",
        {**BLOCKS["amazon-bedrock"], "aws_region": "evil.example/"},
        "aws_region' has the value 'evil.example/'; accepted: small letters",
    ),
    (
        "google-cloud-vertex-ai",
        {**BLOCKS["google-cloud-vertex-ai"], "region": "a@b"},
        "region' has the value 'a@b'",
    ),
    ("palm", {"palm_api_key": REF}, "retired upstream"),
]


@pytest.mark.parametrize(("provider", "block", "message"), REFUSED)
def test_refused_blocks(provider: str, block: Any, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message) as caught:
        draft(given(provider, block), "e")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"provider": "nobody"}, "'e.provider' has the value 'nobody'; accepted: openai, custom"),
        ({"name": ""}, "'e.name' has the value ''"),
        ({"name": "x" * 257}, "accepted: the model's name at the provider, 1 to 256 printable"),
        ({"task": "llm/v2/chat"}, "'llm/v2/chat'; accepted: llm/v1/chat, llm/v1/completions, llm"),
        ({"cohere_config": {}}, "'e.cohere_config' does not belong to the provider 'openai'"),
    ],
)
def test_refused_models(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        draft(given("openai", KEY, **fields), "e")


def test_entra() -> None:
    block = {
        **AZURE,
        "openai_api_type": "azuread",
        "microsoft_entra_client_id": "a",
        "microsoft_entra_tenant_id": "b",
        "microsoft_entra_client_secret": REF,
        "microsoft_entra_authority": "https://login.microsoftonline.us",
    }
    assert translation_name(draft(given("openai", block), "e").model) == "azure"


@pytest.mark.parametrize("field", ["instance_profile_arn", "uc_service_credential_name"])
def test_other_ways_into_aws_are_named(field: str) -> None:
    block = {"aws_region": "us-east-1", "bedrock_provider": "Amazon", field: "x"}
    with pytest.raises(NotBuilt, match=field):
        draft(given("amazon-bedrock", block), "e")
