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
_FOREIGN = (
    "environment_vars",
    "instance_profile_arn",
    "min_provisioned_throughput",
    "max_provisioned_throughput",
    "burst_scaling_enabled",
)
# Units of provisioned throughput stand for calls at a time.
UNITS_STEP = 50
CALLS_PER_STEP = 4
MOST_UNITS = 1000 * UNITS_STEP
_OTHER_SIZES = ("workload_size", "min_provisioned_concurrency", "max_provisioned_concurrency")


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
    units = _units(given, place)
    scale = wanted.scale
    if units is not None:
        scale = Scale(units // UNITS_STEP * CALLS_PER_STEP, model_units=units)
    return LocalModel(str(given.entity_name), scale), wanted.scale_to_zero


def _units(given: ServedEntityInput, place: str) -> int | None:
    units = given.provisioned_model_units
    if units is None:
        return None
    field = f"{place}.provisioned_model_units"
    usable = isinstance(units, int) and not isinstance(units, bool)
    if not usable or not 0 < units <= MOST_UNITS or units % UNITS_STEP:
        raise InvalidParameter(
            f"Field '{field}' has the value {units!r}; accepted: multiples of {UNITS_STEP} up to"
            f" {MOST_UNITS}; {UNITS_STEP} stand for {CALLS_PER_STEP} calls at a time."
        )
    for other in _OTHER_SIZES:
        if getattr(given, other) is not None:
            raise InvalidParameter(f"Fields '{field}' and '{place}.{other}' exclude each other.")
    return int(units)


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
