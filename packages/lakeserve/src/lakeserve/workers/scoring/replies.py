"""Predictions as JSON. Pure."""

import json
import math
from collections.abc import Callable
from typing import Any

import orjson

# What MLflow's encoder is asked about, it answers as MLflow's own server would.
_OPTIONS = (
    orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
)


def to_json(value: Any, encode: Callable[[Any], Any]) -> bytes:
    """A value as JSON; numbers that JSON does not have (NaN, infinities) become null.

    Args:
        value: Predictions as plain values, with some that JSON does not know among them.
        encode: One such value to one that JSON knows; raises TypeError for all others.

    Raises:
        TypeError: The value holds something that nobody can write as JSON.
    """
    try:
        return orjson.dumps(value, default=encode, option=_OPTIONS)
    except TypeError:  # integers of more than 64 bits, named tuples, or nothing that can be written
        plain = json.loads(json.dumps(value, default=encode))
        return json.dumps(_without_nan(plain), allow_nan=False).encode()


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    return value
