"""From an external model of a configuration to where its calls go."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from lakeserve.core.endpoints import (
    Address,
    EntityState,
    ExternalModel,
    ServedEntity,
    Target,
)
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.external_models import (
    ANTHROPIC_API_BASE,
    COHERE_API_BASE,
    FORMS,
    OPENAI_API_BASE,
    option,
    translation_name,
)
from lakeserve.core.ports import SecretResolver
from lakeserve.reconcile.addresses import parse_address

# A text of several lines, which is not sent as it is.
_OF_LINES = {"private_key"}


async def secret_values(
    model: ExternalModel, creator: str, secrets: SecretResolver
) -> Mapping[str, str]:
    """The model's secrets in plain text, by the dotted name of their field.

    Args:
        model: Names its secrets or carries them sealed.
        creator: Whose right to read scopes counts.
        secrets: Knows their values.

    Raises:
        LakeserveError: A secret does not exist, may not be read or cannot be sent; the text names
            it.
    """
    values: dict[str, str] = {}
    for name in FORMS[model.provider].secrets:
        reference = option(model.options, name)
        if name in model.sealed:
            values[name] = await secrets.unseal(model.sealed[name])
        elif isinstance(reference, str):
            values[name] = await secrets.resolve(reference, creator)
        if not values.get(name, "").isprintable() and name not in _OF_LINES:
            raise InvalidParameter(
                f"The secret of the field {name} holds a line break or another character that"
                " cannot be sent; put it again without (printf, not echo)."
            )
    return values


def external_target(
    entity: ServedEntity, model: ExternalModel, values: Mapping[str, str] | None, state: EntityState
) -> Target:
    """An external entity as the gateway sees it.

    Args:
        entity: What is wanted.
        model: Its backend.
        values: Its secrets, or None while they are not resolved.
        state: What was last seen of it; its message is the reason then.
    """
    name = translation_name(model)
    address, options = _PLACES[name](model)
    return Target(
        entity_id=entity.id,
        entity_name=entity.name,
        provider=name,
        upstream_model=model.name,
        model_name=entity.model_name,
        weight=entity.traffic_percentage,
        address=address,
        # Each way to authenticate that is built needs a single secret.
        credential=next(iter(values.values()), None) if values else None,
        failure=None if values is not None else state.message or "it is being deployed",
        options=options,
    )


Place = tuple[Address, Mapping[str, str]]


def _openai(model: ExternalModel) -> Place:
    base = str(model.options.get("openai_api_base") or OPENAI_API_BASE)
    organization = model.options.get("openai_organization")
    return parse_address(base), {"organization": organization} if organization else {}


def _azure(model: ExternalModel) -> Place:
    options = model.options
    base = str(options["openai_api_base"]).rstrip("/")
    deployment = quote(str(options["openai_deployment_name"]), safe="")
    version = quote(str(options["openai_api_version"]), safe="")
    return parse_address(f"{base}/openai/deployments/{deployment}"), {"api_version": version}


def _custom(model: ExternalModel) -> Place:
    url = urlsplit(str(model.options["custom_provider_url"]))
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    header = option(model.options, "api_key_auth.key")
    options = {"path": path} if header is None else {"path": path, "header": str(header)}
    return parse_address(f"{url.scheme}://{url.netloc}"), options


def _databricks(model: ExternalModel) -> Place:
    return parse_address(str(model.options["databricks_workspace_url"])), {}


def _anthropic(model: ExternalModel) -> Place:
    base = str(model.options.get("anthropic_api_base") or ANTHROPIC_API_BASE)
    version = model.options.get("anthropic_version")
    return parse_address(base), {"anthropic_version": version} if version else {}


def _cohere(model: ExternalModel) -> Place:
    """The address without a version, which the translation's paths bring along."""
    base = str(model.options.get("cohere_api_base") or COHERE_API_BASE).rstrip("/")
    return parse_address(base.removesuffix("/v1").removesuffix("/v2")), {}


_PLACES = {
    "anthropic": _anthropic,
    "cohere": _cohere,
    "openai": _openai,
    "azure": _azure,
    "custom": _custom,
    "databricks-model-serving": _databricks,
}
