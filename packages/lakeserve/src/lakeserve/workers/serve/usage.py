"""Token counts of a call that consists of several generations. Pure."""

from collections.abc import Mapping
from typing import Any

from lakeserve.workers.serve.events import Usage


def total(usages: Mapping[int, Usage], choices_per_prompt: int) -> dict[str, Any]:
    """``usage`` of a reply.

    Completion tokens are summed over all choices; the choices of one prompt share its tokens, so
    those count once.

    Args:
        usages: By index; the choices of the first prompt come first.
        choices_per_prompt: ``n``.
    """
    first_choices = [usage for at, usage in usages.items() if at % choices_per_prompt == 0]
    prompt = sum(usage.prompt_tokens for usage in first_choices)
    completion = sum(usage.completion_tokens for usage in usages.values())
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {
            "cached_tokens": sum(usage.cached_tokens for usage in first_choices)
        },
    }
