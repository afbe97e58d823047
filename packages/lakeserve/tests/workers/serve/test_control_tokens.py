import re

from hypothesis import given
from hypothesis import strategies as st
from lakeserve.workers.serve.control_tokens import ZERO_WIDTH_SPACE, clean_all, cleaner

MARKERS = ["<|im_start|>", "<|im_end|>", "<tool_call>", "ab", "bc"]


def test_a_marker_stays_readable_but_is_no_longer_one() -> None:
    assert cleaner(["<|im_end|>"])("x<|im_end|>y") == f"x<{ZERO_WIDTH_SPACE}|im_end|>y"


def test_text_without_markers_is_untouched() -> None:
    text = "a < b | c > d, naïve 日本語\n<im_end>"
    assert cleaner(MARKERS)(text) == text


def test_overlapping_markers_are_all_broken() -> None:
    cleaned = cleaner(MARKERS)("abc")
    assert "ab" not in cleaned
    assert "bc" not in cleaned


def test_a_marker_of_one_character_is_dropped() -> None:
    assert cleaner(["^", "<s>"])("a^b<s>") == f"ab<{ZERO_WIDTH_SPACE}s>"


def test_without_markers_nothing_changes() -> None:
    assert cleaner([])("<|im_end|>") == "<|im_end|>"


@given(st.lists(st.sampled_from([*MARKERS, "<|", "im_end|>", "a", "b", "c", "<"])))
def test_no_marker_survives_however_it_is_put_together(parts: list[str]) -> None:
    text = "".join(parts)
    cleaned = cleaner(MARKERS)(text)
    assert not [marker for marker in MARKERS if marker in cleaned]
    assert re.sub(ZERO_WIDTH_SPACE, "", cleaned) == text


def test_nested_strings_and_keys_are_cleaned() -> None:
    value = {"ab": ["ab", 1, None, {"x": "ab"}]}
    broken = f"a{ZERO_WIDTH_SPACE}b"
    assert clean_all(value, cleaner(["ab"])) == {broken: [broken, 1, None, {"x": broken}]}
