"""Token counts of any endpoint, as LangChain's usage metadata; pure."""

from __future__ import annotations

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from langchain_lakeserve._json import JSONObject


def usage_metadata(usage: JSONObject | None) -> UsageMetadata | None:
    """Translate the usage of a reply; None when it counts nothing.

    Input tokens are all input tokens, cached or not. Some endpoints count cached tokens
    within the prompt and some beside it: their total tells which.
    """
    if not usage:
        return None
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    output = _count(usage, "completion_tokens", "output_tokens")
    if prompt is None and output is None:
        return None
    read, created = _cache_counts(usage)
    total = _count(usage, "total_tokens")
    given = prompt or 0
    out = output or 0
    beside = (read or 0) + (created or 0)
    if (beside and total is not None and total == given + beside + out) or beside > given:
        given += beside
    result = UsageMetadata(input_tokens=given, output_tokens=out, total_tokens=given + out)
    _add_details(result, usage, read, created)
    return result


def merged_usage(earlier: JSONObject | None, later: JSONObject) -> JSONObject:
    """Merge the usage of two events of one stream: counts are running totals, null is unknown."""
    known = {key: value for key, value in later.items() if value is not None}
    return {**(earlier or {}), **known}


def _add_details(
    result: UsageMetadata, usage: JSONObject, read: int | None, created: int | None
) -> None:
    of_input = _object(usage, "prompt_tokens_details", "input_tokens_details")
    of_output = _object(usage, "completion_tokens_details", "output_tokens_details")
    inputs = InputTokenDetails()
    if read is not None:
        inputs["cache_read"] = read
    if created is not None:
        inputs["cache_creation"] = created
    if (audio := _count(of_input, "audio_tokens")) is not None:
        inputs["audio"] = audio
    outputs = OutputTokenDetails()
    if (audio := _count(of_output, "audio_tokens")) is not None:
        outputs["audio"] = audio
    if (reasoning := _count(of_output, "reasoning_tokens")) is not None:
        outputs["reasoning"] = reasoning
    if inputs:
        result["input_token_details"] = inputs
    if outputs:
        result["output_token_details"] = outputs


def _cache_counts(usage: JSONObject) -> tuple[int | None, int | None]:
    details = _object(usage, "prompt_tokens_details", "input_tokens_details")
    read = _count(usage, "cache_read_input_tokens")
    created = _count(usage, "cache_creation_input_tokens")
    if read is None:
        read = _count(details, "cached_tokens")
    if created is None:
        created = _count(details, "cache_creation_tokens")
    return read, created


def _object(usage: JSONObject, *names: str) -> JSONObject:
    for name in names:
        value = usage.get(name)
        if isinstance(value, dict):
            return value
    return {}


def _count(usage: JSONObject, *names: str) -> int | None:
    for name in names:
        value = usage.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return int(value)
    return None
