"""Checks of an endpoint's name, config and tags. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from lakeserve.control.endpoints.added_models import (
    NO_MODELS,
    added,
    added_entity,
    added_task,
    is_added,
)
from lakeserve.control.endpoints.external_models import Draft, draft
from lakeserve.control.endpoints.registered_models import default_name, from_legacy, registered
from lakeserve.control.endpoints.requests import (
    ConfigInput,
    RouteInput,
    ServedEntityInput,
    TagInput,
    TrafficInput,
)
from lakeserve.core.endpoints import EndpointType, LocalModel, RegisteredModel, ServedEntity, Task
from lakeserve.core.errors import InvalidParameter, NotBuilt
from lakeserve.core.ids import object_id
from lakeserve.workers.protocols import ModelKind

MOST_ENTITIES = 10
RESERVED_PREFIX = "databricks-"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_ENTITY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
LONGEST_TAG_KEY = 127
LONGEST_TAG_VALUE = 255

# A model of this platform comes with whether it scales to zero.
Checked = Draft | RegisteredModel | tuple[LocalModel, bool]


@dataclass(frozen=True, slots=True)
class CheckedConfig:
    """What a config wants; the entities' secrets are still to be sealed.

    Attributes:
        task: The task of every entity; None for registered models, which bring theirs along.
        endpoint_type: What kind of endpoint has such entities.
        entities: With the draft of their backend, where that is an external model.
    """

    task: Task | None
    endpoint_type: EndpointType
    entities: tuple[tuple[ServedEntity, Draft | None], ...]


def check_name(name: str) -> None:
    """See whether an endpoint may be called that.

    Raises:
        InvalidParameter: It may not; the text says what is accepted.
    """
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            f"Field 'name' has the value {name[:100]!r}; accepted: 1 to 63 letters, digits, '-' and"
            " '_', a letter or a digit first."
        )
    if name.startswith(RESERVED_PREFIX):
        raise InvalidParameter(
            f"Field 'name' has the value {name!r}; names that begin with '{RESERVED_PREFIX}' are"
            " reserved for built-in Foundation Model endpoints."
        )


def check_config(
    config: ConfigInput | None, where: str, models: Mapping[str, ModelKind] = NO_MODELS
) -> CheckedConfig:
    """What a config means.

    Args:
        config: As it came.
        where: Its dotted place in the body with a dot at its end, or an empty text.
        models: The kinds of the models that were added to the platform, by name.

    Raises:
        InvalidParameter: A field has a value that is not accepted.
        NotBuilt: It wants something that is documented, but not built.
    """
    if config is None:
        raise InvalidParameter("Field 'config' is required.")
    if config.auto_capture_config is not None:
        raise NotBuilt(
            f"Inference tables of the older kind ('{where}auto_capture_config') are not"
            " implemented; ask for one in ai_gateway.inference_table_config."
        )
    place, given = _given_entities(config, where)
    if not 1 <= len(given) <= MOST_ENTITIES:
        raise InvalidParameter(
            f"Field '{place}' has {len(given)} entries; accepted: 1 to {MOST_ENTITIES}."
        )
    kind = _kind(given, place)
    task = _task(given, place) or added_task(list(given), models, place)
    checked = [_checked(each, f"{place}.{index}", models) for index, each in enumerate(given)]
    names = [
        _entity_name(each, model, f"{place}.{index}")
        for index, (each, model) in enumerate(zip(given, checked, strict=True))
    ]
    shares = _shares(names, config.traffic_config, where)
    entities = tuple(
        _entity(name, each, shares[name])
        for name, each in zip(_unique(names, place), checked, strict=True)
    )
    return CheckedConfig(task, kind, entities)


def check_tags(tags: Sequence[TagInput] | None, where: str) -> dict[str, str]:
    """Tags by key.

    Raises:
        InvalidParameter: A key or a value is not accepted, or a key comes twice.
    """
    result: dict[str, str] = {}
    for index, tag in enumerate(tags or ()):
        if not 1 <= len(tag.key) <= LONGEST_TAG_KEY or not tag.key.isprintable():
            raise InvalidParameter(
                f"Field '{where}.{index}.key' has the value {tag.key[:130]!r}; accepted: 1 to"
                f" {LONGEST_TAG_KEY} printable characters."
            )
        if tag.key in result:
            raise InvalidParameter(f"Field '{where}' has the key {tag.key!r} twice.")
        if len(tag.value or "") > LONGEST_TAG_VALUE:
            raise InvalidParameter(
                f"Field '{where}.{index}.value' is too long; accepted: {LONGEST_TAG_VALUE}"
                " characters."
            )
        result[tag.key] = tag.value or ""
    return result


def _given_entities(config: ConfigInput, where: str) -> tuple[str, Sequence[ServedEntityInput]]:
    """The field that lists the entities, and what it lists."""
    if not config.served_models:
        return f"{where}served_entities", config.served_entities or []
    if config.served_entities:
        raise InvalidParameter(
            f"Fields '{where}served_models' and '{where}served_entities' exclude each other."
        )
    return f"{where}served_models", [from_legacy(each) for each in config.served_models]


def _task(given: Sequence[ServedEntityInput], place: str) -> Task | None:
    tasks = {each.external_model.task for each in given if each.external_model is not None}
    if len(tasks) > 1:
        raise InvalidParameter(
            f"Field '{place}' mixes the tasks {', '.join(sorted(tasks))}; accepted: one task for"
            " all entities of an endpoint."
        )
    return cast("Task", tasks.pop()) if tasks else None


def _kind(given: Sequence[ServedEntityInput], place: str) -> EndpointType:
    for index, each in enumerate(given):
        if (each.external_model is None) == (each.entity_name is None):
            raise InvalidParameter(
                f"Field '{place}.{index}' must have exactly one of external_model and entity_name."
            )
    kinds = {each.external_model is not None for each in given}
    if len(kinds) > 1:
        raise InvalidParameter(f"Field '{place}' mixes external models with registered models.")
    return "EXTERNAL_MODEL" if kinds == {True} else "CUSTOM_MODEL"


def _checked(given: ServedEntityInput, place: str, models: Mapping[str, ModelKind]) -> Checked:
    if is_added(given, models):
        return added(given, place)
    if given.external_model is None:
        return registered(given, place)
    own = {"name", "external_model"}
    for name, value in given:
        if name not in own and value is not None:
            raise InvalidParameter(f"Field '{place}.{name}' does not belong to an external model.")
    return draft(given.external_model, f"{place}.external_model")


def _entity_name(given: ServedEntityInput, model: Checked, place: str) -> str:
    if given.name is not None:
        if not _ENTITY_NAME.fullmatch(given.name):
            raise InvalidParameter(
                f"Field '{place}.name' has the value {given.name[:130]!r}; accepted: letters,"
                " digits, '-', '_' and '.', a letter or a digit first, at most 128 characters."
            )
        return given.name
    if isinstance(model, tuple):
        return model[0].reference
    if isinstance(model, RegisteredModel):
        return default_name(model)
    kept = re.sub(r"[^A-Za-z0-9_.-]+", "-", model.model.name).lstrip("-_.")[:128]
    return kept or "external-model"


def _unique(names: Sequence[str], place: str) -> Sequence[str]:
    for name in names:
        if names.count(name) > 1:
            raise InvalidParameter(
                f"Field '{place}' has the name {name!r} more than once; give each entity a 'name'"
                " of its own."
            )
    return names


def _shares(names: Sequence[str], traffic: TrafficInput | None, where: str) -> Mapping[str, int]:
    place = f"{where}traffic_config.routes"
    if traffic is None or not traffic.routes:
        if len(names) > 1:
            raise InvalidParameter(
                f"Field '{place}' is required when there is more than one served entity."
            )
        return {names[0]: 100}
    shares = dict.fromkeys(names, 0)
    seen: set[str] = set()
    for index, route in enumerate(traffic.routes):
        name = _route_name(route, f"{place}.{index}")
        if name not in shares:
            raise InvalidParameter(
                f"Field '{place}.{index}' names the served entity {name!r}; accepted:"
                f" {', '.join(names)}."
            )
        if name in seen:
            raise InvalidParameter(f"Field '{place}' has more than one route to {name!r}.")
        seen.add(name)
        if not 0 <= route.traffic_percentage <= 100:
            raise InvalidParameter(
                f"Field '{place}.{index}.traffic_percentage' has the value"
                f" {route.traffic_percentage}; accepted: 0 to 100."
            )
        shares[name] = route.traffic_percentage
    if sum(shares.values()) != 100:
        raise InvalidParameter(
            f"Field '{place}': traffic percentages sum to {sum(shares.values())}; accepted: 100."
        )
    return shares


def _route_name(route: RouteInput, place: str) -> str:
    given = {route.served_entity_name, route.served_model_name} - {None}
    if len(given) != 1:
        raise InvalidParameter(
            f"Field '{place}' must name one served entity, in served_entity_name or"
            " served_model_name."
        )
    return str(given.pop())


def _entity(name: str, checked: Checked, share: int) -> tuple[ServedEntity, Draft | None]:
    if isinstance(checked, tuple):
        local, sleeps = checked
        return added_entity(name, local, sleeps=sleeps, share=share), None
    if isinstance(checked, RegisteredModel):
        shown = f"{checked.name} {checked.version}".rstrip()
        entity = ServedEntity(
            id=object_id(),
            name=name,
            backend=checked,
            model_name=shown,
            model_description=f"The MLflow model {shown}.",
            start="until-idle" if checked.workload.scale_to_zero else "eager",
            traffic_percentage=share,
        )
        return entity, None
    model = checked.model
    entity = ServedEntity(
        id=object_id(),
        name=name,
        backend=model,
        model_name=model.name,
        model_description=f"The model {model.name} of the provider {model.provider}.",
        traffic_percentage=share,
    )
    return entity, checked


def sealed(entity: ServedEntity, checked: Draft, ciphertexts: Mapping[str, str]) -> ServedEntity:
    """The entity with the ciphertexts of its plaintext secrets."""
    return replace(entity, backend=replace(checked.model, sealed=ciphertexts))
