"""Keeps typed text from acting as control tokens. Pure."""

import re
from collections.abc import Callable, Sequence
from typing import Any

ZERO_WIDTH_SPACE = "\u200b"

Cleaner = Callable[[str], str]


class Encoded(str):
    """Text that is no prose, such as an image in base64: there is nothing to clean in it."""

    __slots__ = ()


def cleaner(markers: Sequence[str]) -> Cleaner:
    """A function that breaks every marker in a text.

    llama.cpp reads the rendered prompt with special tokens on, so a typed ``<|im_end|>`` would end
    the turn. A zero-width space after the marker's first character leaves the text readable and
    makes it ordinary; markers of one character are dropped.
    """
    if not markers:
        return lambda text: text
    longest_first = sorted(markers, key=len, reverse=True)
    single = "".join(re.escape(marker) for marker in markers if len(marker) == 1)
    # The look-ahead consumes nothing, so overlapping markers are all found.
    start = re.compile(
        "(?=" + "|".join(re.escape(m) for m in longest_first if len(m) > 1) + ")(.)", re.DOTALL
    )
    drop = re.compile(f"[{single}]") if single else None
    has_long = any(len(marker) > 1 for marker in markers)

    def clean(text: str) -> str:
        if drop is not None:
            text = drop.sub("", text)
        return start.sub(rf"\1{ZERO_WIDTH_SPACE}", text) if has_long else text

    return clean


def clean_all(value: Any, clean: Cleaner) -> Any:
    """A JSON value with every string in it cleaned, keys included."""
    if isinstance(value, Encoded):
        return value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_all(item, clean) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean_all(item, clean) for key, item in value.items()}
    return value
