"""Sampling fields that chat and text completions share. Pure."""

from typing import Any

from lakeserve.workers.serve.errors import invalid
from lakeserve.workers.serve.fields import Body, integer, number, shown

MAX_STOPS = 4
MAX_CHOICES = 16
MAX_TOP_LOGPROBS = 20

FIELDS = frozenset({
    "model", "stream", "stream_options", "n", "stop", "seed", "max_tokens", "temperature",
    "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs",
})  # fmt: skip
# OpenAI and Databricks define these; nothing here depends on them.
IGNORED = frozenset({
    "user", "store", "metadata", "service_tier", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention", "verbosity", "usage_context", "client_request_id",
    "custom_inputs", "databricks_options",
})  # fmt: skip


def sampling(body: Body, vocabulary_size: int, default_temperature: float = 1.0) -> dict[str, Any]:
    """The engine's sampling fields for a request.

    Every default is spelled out: the engine's own (temperature 0.8, top_k 40, top_p 0.95,
    min_p 0.05) are not OpenAI's.

    Args:
        body: The request.
        vocabulary_size: How many tokens the model has.
        default_temperature: What the model's maker advises, where the request says nothing.

    Raises:
        ApiError: 400, a field has the wrong type or is out of range.
    """
    temperature = number(body, "temperature", 0, 2)
    top_p = number(body, "top_p", 0, 1)
    if top_p == 0:
        raise invalid("top_p", "must be greater than 0 and at most 1, not 0.")
    frequency = number(body, "frequency_penalty", -2, 2) or 0.0
    presence = number(body, "presence_penalty", -2, 2) or 0.0
    fields: dict[str, Any] = {
        "temperature": default_temperature if temperature is None else temperature,
        "top_p": 1.0 if top_p is None else top_p,
        "top_k": integer(body, "top_k", 0) or 0,
        "min_p": number(body, "min_p", 0, 1) or 0.0,
        "frequency_penalty": frequency,
        "presence_penalty": presence,
        "repeat_penalty": 1.0,
        "stop": stops(body),
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }
    if frequency or presence:
        fields["repeat_last_n"] = -1  # the whole text, not the last 64 tokens
    seed = integer(body, "seed", -(2**63), 2**64)
    if seed is not None:
        fields["seed"] = seed
    bias = logit_bias(body, vocabulary_size)
    if bias:
        fields["logit_bias"] = bias
    return fields


def with_seed(fields: dict[str, Any], index: int) -> dict[str, Any]:
    """The fields of the ``index``-th choice: its own seed, in the engine's 32 bits."""
    if "seed" not in fields:
        return fields
    # 0xFFFFFFFF means "choose one at random" to the engine.
    return {**fields, "seed": (fields["seed"] + index) % 0xFFFFFFFF}


def choices(body: Body) -> int:
    """``n``, 1 when absent.

    Raises:
        ApiError: 400, it is not an integer from 1 to 16.
    """
    return integer(body, "n", 1, MAX_CHOICES) or 1


def stops(body: Body) -> list[str]:
    """``stop`` as a list.

    Raises:
        ApiError: 400, it is not a string or up to four non-empty strings.
    """
    stop = body.get("stop")
    if stop is None:
        return []
    listed = [stop] if isinstance(stop, str) else stop
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise invalid(
            "stop",
            f"must be a string or an array of up to {MAX_STOPS} strings, not {shown(stop)}.",
            "invalid_type",
        )
    if len(listed) > MAX_STOPS:
        raise invalid("stop", f"holds {len(listed)} strings; at most {MAX_STOPS} are accepted.")
    return [item for item in listed if item]


def logit_bias(body: Body, vocabulary_size: int) -> list[list[float]]:
    """``logit_bias`` as pairs of token id and bias.

    Raises:
        ApiError: 400, an id is not of this model's vocabulary or a bias not from -100 to 100.
    """
    bias = body.get("logit_bias")
    if bias is None:
        return []
    if not isinstance(bias, dict):
        raise invalid(
            "logit_bias", f"must be an object of token ids, not {shown(bias)}.", "invalid_type"
        )
    pairs: list[list[float]] = []
    for token in bias:
        if not token.isdecimal() or int(token) >= vocabulary_size:
            raise invalid(
                "logit_bias",
                f"{token!r} is not a token id of this model (0 to {vocabulary_size - 1}).",
            )
        weight = number(bias, token, -100, 100)
        if weight is not None:
            pairs.append([int(token), weight])
    return pairs
