"""The gateway's view of endpoints, from what is wanted and what was seen. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeserve.core.endpoints import (
    Address,
    Endpoint,
    EntityState,
    ExternalModel,
    LocalServer,
    OpenAICompatible,
    RegisteredModel,
    RoutableEndpoint,
    ServedEntity,
    Target,
)
from lakeserve.core.permissions import who_may
from lakeserve.core.signing import RequestSigner
from lakeserve.foundation_settings import Upstream
from lakeserve.reconcile.addresses import parse_address
from lakeserve.reconcile.external import external_target
from lakeserve.settings import Settings

# Names in the provider table.
LOCAL_PROVIDER = "local"
MLFLOW_PROVIDER = "mlflow"
OPENAI_PROVIDER = "openai"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last seen of a local or an external entity.

    Attributes:
        addresses: Where the workers of a local entity listen; empty while none does.
        secrets: Of an external model, by field, or None while they are not resolved.
        signer: Of an external model whose secrets are not sent as they are.
    """

    state: EntityState
    addresses: tuple[Address, ...] = ()
    secrets: Mapping[str, str] | None = field(default=None, repr=False)
    signer: RequestSigner | None = None


def routable(
    endpoint: Endpoint, seen: Mapping[str, Seen], credential: str | None
) -> RoutableEndpoint:
    """An endpoint with each of its entities resolved.

    Args:
        endpoint: What is wanted.
        seen: By entity id, for local and external entities.
        credential: For the endpoint's upstream, where it has one.
    """
    return RoutableEndpoint(
        id=endpoint.id,
        name=endpoint.name,
        task=endpoint.task,
        endpoint_type=endpoint.endpoint_type,
        targets=tuple(_target(entity, seen, credential) for entity in endpoint.entities),
        callers=who_may(endpoint, "CAN_QUERY"),
        viewers=who_may(endpoint, "CAN_VIEW"),
        ai_gateway=endpoint.ai_gateway,
    )


def upstream_credential(endpoint: Endpoint, settings: Settings) -> str | None:
    """The key of a foundation endpoint's upstream: it lives in the settings, never in storage."""
    if endpoint.endpoint_type != "FOUNDATION_MODEL_API":
        return None
    configured = settings.foundation.get(endpoint.name)
    if not isinstance(configured, Upstream) or configured.api_key is None:
        return None
    return configured.api_key.get_secret_value()


def _target(entity: ServedEntity, seen: Mapping[str, Seen], credential: str | None) -> Target:
    backend = entity.backend
    if isinstance(backend, OpenAICompatible):
        return Target(
            entity_id=entity.id,
            entity_name=entity.name,
            provider=OPENAI_PROVIDER,
            upstream_model=backend.model,
            model_name=entity.model_name,
            weight=entity.traffic_percentage,
            address=parse_address(backend.base_url),
            credential=credential,
        )
    local = seen[entity.id]
    if isinstance(backend, ExternalModel):
        return external_target(entity, backend, local.secrets, local.state, local.signer)
    is_custom = isinstance(backend, RegisteredModel)
    failed = local.state.deployment == "DEPLOYMENT_FAILED"
    return Target(
        entity_id=entity.id,
        entity_name=entity.name,
        provider=MLFLOW_PROVIDER if is_custom else LOCAL_PROVIDER,
        # A server of somebody else knows its model by the name that it was told.
        upstream_model=entity.name if isinstance(backend, LocalServer) else entity.model_name,
        model_name=entity.model_name,
        weight=entity.traffic_percentage,
        address=local.addresses[0] if local.addresses else None,
        others=local.addresses[1:],
        failure=local.state.message if failed else None,
    )
