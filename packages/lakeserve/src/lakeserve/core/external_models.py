"""The documented providers of external models: what their configuration may hold. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass

from lakeserve.core.endpoints import ExternalModel, Task

CHAT: Task = "llm/v1/chat"
COMPLETIONS: Task = "llm/v1/completions"
EMBEDDINGS: Task = "llm/v1/embeddings"
ALL_TASKS: tuple[Task, ...] = (CHAT, COMPLETIONS, EMBEDDINGS)

OPENAI_API_BASE = "https://api.openai.com/v1"
ANTHROPIC_API_BASE = "https://api.anthropic.com/v1"
# The documented default; calls go to version 2 of the interface at the same host.
COHERE_API_BASE = "https://api.cohere.ai/v1"
AI21_API_BASE = "https://api.ai21.com/studio/v1"

BEDROCK_PROVIDERS = ("anthropic", "cohere", "ai21labs", "amazon")

# Values of openai_api_type, and the names of their translations in the provider table.
OPENAI_API_TYPES: Mapping[str, str] = {
    "openai": "openai",
    "azure": "azure",
    "azuread": "azure",
}


@dataclass(frozen=True, slots=True)
class ProviderForm:
    """What the block of one provider may hold. A nested field is named ``object.field``.

    Attributes:
        block: Name of the block.
        secrets: Fields with a second spelling, ``<name>_plaintext``.
        choices: Groups of fields, all but one of which must be absent: the ways to authenticate.
        required: Plain fields that must be there.
        optional: Plain fields that may be there.
        addresses: Fields that must be http:// or https:// addresses.
    """

    block: str
    secrets: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]
    tasks: tuple[Task, ...]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field, secrets in both spellings."""
        both = tuple(name for secret in self.secrets for name in (secret, secret + PLAINTEXT))
        chosen = tuple(
            name for choice in self.choices for name in choice if name not in self.secrets
        )
        return (*both, *self.required, *self.optional, *chosen)


PLAINTEXT = "_plaintext"

FORMS: Mapping[str, ProviderForm] = {
    "openai": ProviderForm(
        "openai_config",
        secrets=("openai_api_key", "microsoft_entra_client_secret"),
        choices=(
            ("openai_api_key",),
            (
                "microsoft_entra_client_secret",
                "microsoft_entra_client_id",
                "microsoft_entra_tenant_id",
            ),
        ),
        tasks=ALL_TASKS,
        optional=(
            "openai_api_type",
            "openai_api_base",
            "openai_api_version",
            "openai_deployment_name",
            "openai_organization",
            "microsoft_entra_authority",
            "microsoft_entra_scope",
        ),
        addresses=("openai_api_base", "microsoft_entra_authority"),
    ),
    "custom": ProviderForm(
        "custom_provider_config",
        secrets=("bearer_token_auth.token", "api_key_auth.value"),
        choices=(("bearer_token_auth.token",), ("api_key_auth.value", "api_key_auth.key")),
        tasks=(CHAT,),
        required=("custom_provider_url",),
        addresses=("custom_provider_url",),
    ),
    "databricks-model-serving": ProviderForm(
        "databricks_model_serving_config",
        secrets=("databricks_api_token",),
        choices=(("databricks_api_token",),),
        tasks=ALL_TASKS,
        required=("databricks_workspace_url",),
        addresses=("databricks_workspace_url",),
    ),
    "anthropic": ProviderForm(
        "anthropic_config",
        secrets=("anthropic_api_key",),
        choices=(("anthropic_api_key",),),
        tasks=(CHAT, COMPLETIONS),
        optional=("anthropic_api_base", "anthropic_version"),
        addresses=("anthropic_api_base",),
    ),
    "cohere": ProviderForm(
        "cohere_config",
        secrets=("cohere_api_key",),
        choices=(("cohere_api_key",),),
        tasks=ALL_TASKS,
        optional=("cohere_api_base",),
        addresses=("cohere_api_base",),
    ),
    "amazon-bedrock": ProviderForm(
        "amazon_bedrock_config",
        secrets=("aws_access_key_id", "aws_secret_access_key"),
        choices=(
            ("aws_access_key_id", "aws_secret_access_key"),
            ("instance_profile_arn",),
            ("uc_service_credential_name",),
        ),
        tasks=ALL_TASKS,
        required=("aws_region", "bedrock_provider"),
        optional=("amazon_bedrock_api_base",),
        addresses=("amazon_bedrock_api_base",),
    ),
    "google-cloud-vertex-ai": ProviderForm(
        "google_cloud_vertex_ai_config",
        secrets=("private_key",),
        choices=(("private_key",),),
        tasks=ALL_TASKS,
        required=("project_id", "region"),
        optional=("google_cloud_vertex_ai_api_base",),
        addresses=("google_cloud_vertex_ai_api_base",),
    ),
    "ai21labs": ProviderForm(
        "ai21labs_config",
        secrets=("ai21labs_api_key",),
        choices=(("ai21labs_api_key",),),
        tasks=(COMPLETIONS,),
        optional=("ai21labs_api_base",),
        addresses=("ai21labs_api_base",),
    ),
    "palm": ProviderForm(
        "palm_config",
        secrets=("palm_api_key",),
        choices=(("palm_api_key",),),
        tasks=ALL_TASKS,
        optional=("palm_api_base",),
        addresses=("palm_api_base",),
    ),
}


def translation_name(model: ExternalModel) -> str:
    """The name in the provider table of the translation that a model needs."""
    if model.provider != "openai":
        return model.provider
    return OPENAI_API_TYPES[model.options.get("openai_api_type") or "openai"]


def is_signed(model: ExternalModel) -> bool:
    """Whether requests are authorized anew each time; the secrets themselves are not sent then."""
    return (
        model.provider in {"amazon-bedrock", "google-cloud-vertex-ai"}
        or model.options.get("openai_api_type") == "azuread"
    )


def option(options: Mapping[str, object], name: str) -> object:
    """The value of a field, which may be nested, or None."""
    value: object = options
    for part in name.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
