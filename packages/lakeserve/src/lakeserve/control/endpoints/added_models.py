"""Checks of a served entity that names a model which was added to this platform. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from lakeserve.control.endpoints.registered_models import workload
from lakeserve.control.endpoints.requests import ServedEntityInput
from lakeserve.core.endpoints import LocalModel, Scale, ServedEntity, Task
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.ids import object_id
from lakeserve.workers.protocols import ModelKind

NO_MODELS: Mapping[str, ModelKind] = MappingProxyType({})

_TASKS: Mapping[ModelKind, Task] = {"chat": "llm/v1/chat", "embedding": "llm/v1/embeddings"}
# These belong to a version of a registry's model.
_FOREIGN = ("environment_vars", "instance_profile_arn", "provisioned_model_units")


def is_added(given: ServedEntityInput, models: Mapping[str, ModelKind]) -> bool:
    """Whether an entity names a model of the platform rather than one of a registry."""
    return given.entity_name in models and given.entity_version is None


def added_task(
    given: list[ServedEntityInput], models: Mapping[str, ModelKind], place: str
) -> Task | None:
    """The task of entities that name models of the platform; None when none of them does.

    Raises:
        InvalidParameter: Some do and others do not, or they do different things.
    """
    kinds = {models[each.entity_name or ""] for each in given if is_added(each, models)}
    if not kinds:
        return None
    if len(kinds) > 1 or not all(is_added(each, models) for each in given):
        raise InvalidParameter(
            f"Field '{place}' mixes models of different kinds; accepted: only chat models or only"
            " embedding models of this platform, or only registered models."
        )
    return _TASKS[kinds.pop()]


def added(given: ServedEntityInput, place: str) -> tuple[LocalModel, bool]:
    """The backend that an entity means, and whether it scales to zero.

    Raises:
        InvalidParameter: A field has a value that is not accepted, or means nothing here.
    """
    for field in _FOREIGN:
        if getattr(given, field):
            raise InvalidParameter(
                f"Field '{place}.{field}' does not belong to a model that was added to this"
                " platform."
            )
    wanted = workload(given, place)
    return LocalModel(str(given.entity_name), Scale(wanted.concurrency)), wanted.scale_to_zero


def added_entity(name: str, model: LocalModel, *, sleeps: bool, share: int) -> ServedEntity:
    """The entity of such a model."""
    return ServedEntity(
        id=object_id(),
        name=name,
        backend=model,
        model_name=model.reference,
        model_description=f"The model {model.reference} that was added to this platform.",
        start="until-idle" if sleeps else "eager",
        traffic_percentage=share,
    )
