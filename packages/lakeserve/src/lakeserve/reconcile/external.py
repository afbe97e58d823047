"""From an external model of a configuration to where its calls go."""

from collections.abc import Mapping

from lakeserve.core.endpoints import EntityState, ExternalModel, ServedEntity, Target
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.external_models import is_signed, option, translation_name
from lakeserve.core.ports import SecretResolver
from lakeserve.core.signing import RequestSigner
from lakeserve.providers.plugins import FORMS
from lakeserve.reconcile.places import place

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
    entity: ServedEntity,
    model: ExternalModel,
    values: Mapping[str, str] | None,
    state: EntityState,
    signer: RequestSigner | None = None,
) -> Target:
    """An external entity as the gateway sees it.

    Args:
        entity: What is wanted.
        model: Its backend.
        values: Its secrets, or None while they are not resolved.
        state: What was last seen of it; its message is the reason then.
        signer: Authorizes its requests, where a secret is not sent as it is.
    """
    name = translation_name(model)
    address, options = place(model)
    # Whoever is sent a secret as it is needs a single one.
    sent = values if values and not is_signed(model) else {}
    return Target(
        entity_id=entity.id,
        entity_name=entity.name,
        provider=name,
        upstream_model=model.name,
        model_name=entity.model_name,
        weight=entity.traffic_percentage,
        address=address,
        credential=next(iter(sent.values()), None),
        signer=signer if values is not None else None,
        failure=None if values is not None else state.message or "it is being deployed",
        options=options,
    )
