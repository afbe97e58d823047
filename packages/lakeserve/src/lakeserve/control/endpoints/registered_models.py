"""Checks of a served entity that names a registered model. Pure."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, cast

from lakeserve.control.endpoints.bodies import is_storable
from lakeserve.control.endpoints.requests import ServedEntityInput, ServedModelInput
from lakeserve.core.endpoints import (
    CONCURRENCY,
    CONCURRENCY_STEP,
    RegisteredModel,
    Workload,
    WorkloadSize,
)
from lakeserve.core.errors import InvalidParameter, NotBuilt
from lakeserve.core.secrets import is_reference
from lakeserve.workers.batching import batching_of

WORKLOAD_TYPES = (
    "CPU",
    "CPU_MEDIUM",
    "CPU_LARGE",
    "GPU_SMALL",
    "GPU_MEDIUM",
    "GPU_LARGE",
    "GPU_XLARGE",
    "GPU_XLARGE_8",
    "MULTIGPU_MEDIUM",
)
LONGEST_NAME = 256
MOST_VARIABLES = 30
MOST_CONCURRENCY = 1024

_VERSION = re.compile(r"[0-9]{1,18}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Documented fields that would be stored without effect, and what they belong to.
_UNBUILT = {
    "min_provisioned_throughput": "Provisioned throughput",
    "max_provisioned_throughput": "Provisioned throughput",
    "provisioned_model_units": "Provisioned throughput",
    "instance_profile_arn": "Instance profiles of served entities",
    "burst_scaling_enabled": "Burst scaling",
}


def from_legacy(given: ServedModelInput) -> ServedEntityInput:
    """The entity that an entry of ``served_models`` stands for."""
    fields = given.model_dump(exclude={"model_name", "model_version"})
    return ServedEntityInput(
        entity_name=given.model_name, entity_version=given.model_version, **fields
    )


def registered(given: ServedEntityInput, where: str) -> RegisteredModel:
    """What an entity with an ``entity_name`` means.

    Args:
        given: The entity.
        where: Its dotted place in the body, for messages.

    Raises:
        InvalidParameter: A field is missing or has a value that is not accepted.
        NotBuilt: It wants something that is documented, but not built.
    """
    name = given.entity_name or ""
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or ".." in name.split("/"):
        accepted = f"a registered model's name, 1 to {LONGEST_NAME} printable characters"
        raise _refused(f"{where}.entity_name", name[:LONGEST_NAME], accepted)
    for field, feature in _UNBUILT.items():
        if getattr(given, field):
            raise NotBuilt(f"{feature} ('{where}.{field}') is not implemented by this version.")
    return RegisteredModel(
        name,
        _version(given.entity_version, name, f"{where}.entity_version"),
        workload(given, where),
        _environment(given.environment_vars, f"{where}.environment_vars"),
    )


def default_name(model: RegisteredModel) -> str:
    """``<model>-<version>``, from the last part of a name of several levels."""
    last = PurePosixPath(model.name).name
    if not model.is_directory:
        last = model.name.rpartition(".")[2]
    name = f"{last}-{model.version}" if model.version else last
    kept = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).lstrip("-_.")[:128]
    return kept or "model"


def environment_references(model: RegisteredModel) -> tuple[str, ...]:
    """The secret references among a model's variables."""
    return tuple(value for value in model.environment.values() if is_reference(value))


def _version(value: Any, name: str, where: str) -> str:
    if value is None and name.startswith("/"):
        return ""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _VERSION.fullmatch(text):
        raise _refused(where, value, "the number of a version, such as '1'")
    return text


def workload(given: ServedEntityInput, where: str) -> Workload:
    """How much an entity shall serve at a time.

    Raises:
        InvalidParameter: A field has a value that is not accepted.
    """
    least = _concurrency(given.min_provisioned_concurrency, f"{where}.min_provisioned_concurrency")
    most = _concurrency(given.max_provisioned_concurrency, f"{where}.max_provisioned_concurrency")
    if least is not None and most is None:
        raise InvalidParameter(
            f"Field '{where}.max_provisioned_concurrency' is required beside"
            " min_provisioned_concurrency."
        )
    if least is not None and most is not None and least > most:
        accepted = f"at most max_provisioned_concurrency, {most}"
        raise _refused(f"{where}.min_provisioned_concurrency", least, accepted)
    size = given.workload_size
    if size is not None and size not in CONCURRENCY:
        raise _refused(f"{where}.workload_size", size, ", ".join(CONCURRENCY))
    if size is not None and most is not None:
        raise InvalidParameter(
            f"Fields '{where}.workload_size' and '{where}.max_provisioned_concurrency' exclude each"
            " other."
        )
    kind = given.workload_type or "CPU"
    if kind not in WORKLOAD_TYPES:
        raise _refused(f"{where}.workload_type", kind, ", ".join(WORKLOAD_TYPES))
    sleeps = given.scale_to_zero_enabled
    if sleeps is not None and not isinstance(sleeps, bool):
        raise _refused(f"{where}.scale_to_zero_enabled", sleeps, "true or false")
    chosen = cast("WorkloadSize", size or "Small") if most is None else None
    return Workload(chosen, kind, bool(sleeps), least, most)


def _concurrency(value: Any, where: str) -> int | None:
    if value is None:
        return None
    usable = isinstance(value, int) and not isinstance(value, bool)
    if not usable or not 0 <= value <= MOST_CONCURRENCY or value % CONCURRENCY_STEP:
        accepted = f"multiples of {CONCURRENCY_STEP} up to {MOST_CONCURRENCY}"
        raise _refused(where, value, accepted)
    if value == 0 and where.endswith("max_provisioned_concurrency"):
        raise _refused(where, value, f"at least {CONCURRENCY_STEP}")
    return int(value)


def _environment(given: Any, where: str) -> Mapping[str, str]:
    """Values are not repeated in messages: they may be secrets."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidParameter(f"Field '{where}' must be an object of texts.")
    if len(given) > MOST_VARIABLES:
        raise InvalidParameter(
            f"Field '{where}' has {len(given)} entries; accepted: at most {MOST_VARIABLES}."
        )
    for name, value in given.items():
        if not _VARIABLE.fullmatch(name):
            raise _refused(where, name[:100], "names of letters, digits and '_'")
        if not isinstance(value, str) or not is_storable(value):
            raise InvalidParameter(f"Field '{where}.{name}' must be a text.")
        if "{{" in value and "secrets/" in value and not is_reference(value):
            raise InvalidParameter(
                f"Field '{where}.{name}' holds a reference that is not of the form"
                " {{secrets/<scope>/<key>}}, which must be the whole value."
            )
    batching_of(given, where)  # raises where a value means nothing
    return dict(given)


def _refused(field: str, value: object, accepted: str) -> InvalidParameter:
    shown = value if isinstance(value, (str, int, float, bool)) else type(value).__name__
    return InvalidParameter(f"Field '{field}' has the value {shown!r}; accepted: {accepted}.")
