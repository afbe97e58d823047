import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakeserve.core.guardrails import Span
from lakeserve.gateway.guardrails.personal_data import PatternFinder, masked
from lakeserve.gateway.guardrails.window import LONGEST_WORD, MaskingWindow

FINDER = PatternFinder()
PERSONAL = (
    "jane.doe@example.com",
    "(212) 555-0123",
    "+1 415 555 2671",
    "4111 1111 1111 1111",
    "536-90-4399",
    "bank account 945456787654",
    "checking account number 12345678",
)
PLAIN = (
    "hello",
    "the price is 12",
    "42",
    "at",
    "\n",
    "x",
    "你好世界",
    "ext.",
    "2024-01-05",
    "(",
    "-",
)
TEXTS = st.lists(st.sampled_from(PERSONAL + PLAIN), max_size=12).map(" ".join)
CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=40)


def in_parts(text: str, sizes: Sequence[int]) -> list[str]:
    parts, at, index = [], 0, 0
    while at < len(text):
        size = sizes[index % len(sizes)]
        parts.append(text[at : at + size])
        at, index = at + size, index + 1
    return parts


@settings(max_examples=150, deadline=None)
@given(TEXTS, CUTS)
def test_a_stream_is_masked_as_the_whole(text: str, sizes: list[int]) -> None:
    window = MaskingWindow(FINDER.find)
    released = "".join([*map(window.feed, in_parts(text, sizes)), window.close()])
    assert released == masked(text, FINDER.find(text))


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("ab @.1-你 \n"), max_size=200), CUTS)
def test_nothing_is_lost_where_nothing_is_found(text: str, sizes: list[int]) -> None:
    window = MaskingWindow(lambda _: ())
    assert "".join([*map(window.feed, in_parts(text, sizes)), window.close()]) == text


@settings(max_examples=100, deadline=None)
@given(st.text("你好,a.", max_size=200), st.sampled_from(PERSONAL[:1]), CUTS)
def test_no_part_of_an_address_leaves(around: str, address: str, sizes: list[int]) -> None:
    text = f"{around} {address} {around}"
    window = MaskingWindow(FINDER.find)
    released = "".join([*map(window.feed, in_parts(text, sizes)), window.close()])
    assert "jane" not in released
    assert "example" not in released


def test_plain_words_leave_while_others_come() -> None:
    window = MaskingWindow(FINDER.find)
    assert window.feed("Once upon a ") == "Once upon a"
    assert window.feed("time there") == " time"
    assert window.feed(" was jane@exa") == " there was"
    assert window.feed("mple.com in a") == " <EMAIL_ADDRESS> in"
    assert window.feed(" house ") == " a house"
    assert window.feed("415-") == window.feed("555-2671") == window.feed(" ") == ""
    assert window.feed("and a") == ""
    assert window.feed(" b") == " <PHONE_NUMBER> and a"
    assert window.close() == " b"


def test_a_text_without_spaces_leaves_as_well() -> None:
    window = MaskingWindow(FINDER.find)
    text = "天地玄黄" * 100
    released = window.feed(text)
    assert released == text[: len(text) - LONGEST_WORD]
    assert released + window.close() == text


def test_a_long_domain_keeps_its_name() -> None:
    window = MaskingWindow(FINDER.find)
    address = f"jane@{'x' * 60}.{'y' * 60}.com"
    released = "".join(window.feed(letter) for letter in address)
    assert released == ""
    assert window.close() == "<EMAIL_ADDRESS>"


@pytest.mark.parametrize("words", [3, 30])
def test_what_was_said_before_a_number_counts(words: int) -> None:
    text = "filler " * words + "my account, as I said, is 12345678 and so on and on"
    window = MaskingWindow(FINDER.find)
    released = "".join([*(window.feed(each) for each in re.split(r"(?<= )", text)), window.close()])
    assert "<US_BANK_NUMBER>" in released


def test_places_are_those_of_the_text() -> None:
    def find(text: str) -> list[Span]:
        return [Span(each.start(), each.end(), "X") for each in re.finditer("7+", text)]

    window = MaskingWindow(find)
    assert window.feed("one two 777 three four ") + window.close() == "one two <X> three four "
