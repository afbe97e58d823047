import time

import pytest
from lakeserve.core.guardrails import Span
from lakeserve.gateway.guardrails.personal_data import PatternFinder, is_installed, masked


@pytest.fixture(scope="module")
def finder() -> PatternFinder:
    made = PatternFinder()
    made.load()
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to jane.doe+x@mail.example.co.uk.", "Write to <EMAIL_ADDRESS>."),
        ("a@b.internal, c@d.com", "<EMAIL_ADDRESS>, <EMAIL_ADDRESS>"),
        ("Call (212) 555-0123 or +1 415-555-2671!", "Call <PHONE_NUMBER> or <PHONE_NUMBER>!"),
        ("+49 30 901820", "<PHONE_NUMBER>"),
        ("Card 4111 1111 1111 1111.", "Card <CREDIT_CARD>."),
        ("Card 4111-1111-1111-1111", "Card <CREDIT_CARD>"),
        ("SSN 536-90-4399", "SSN <US_SSN>"),
        ("my social security number is 536904399", "my social security number is <US_SSN>"),
        ("account number: 945456787654", "account number: <US_BANK_NUMBER>"),
        ("Bank 945456787654 and 123456", "Bank <US_BANK_NUMBER> and 123456"),
    ],
)
def test_what_is_found(finder: PatternFinder, text: str, expected: str) -> None:
    assert masked(text, finder.find(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no data",
        "@home and user@",
        "order 945456787654",
        "4111 1111 1111 1112",
        "2024-01-05 12:00:00",
        "version 1.2.3, 10.0.0.1, 42 of 1000",
        "$1,234,567.89",
        "000-12-3456",
    ],
)
def test_what_is_not_found(finder: PatternFinder, text: str) -> None:
    assert list(finder.find(text)) == []


def test_overlaps_become_one(finder: PatternFinder) -> None:
    (span,) = finder.find("account 4111111111111111")
    assert span == Span(8, 24, "CREDIT_CARD")


@pytest.mark.parametrize("piece", ["a.", "a@", "12-", "a", "account ", "(", "1.", "-@-"])
def test_odd_texts_take_no_more_time_than_their_length(finder: PatternFinder, piece: str) -> None:
    def taken(count: int) -> float:
        started = time.process_time()
        finder.find(piece * count + "@")
        return time.process_time() - started

    taken(100)
    assert taken(16_000) < 100 * (taken(1_600) + 0.01)


def test_it_is_loaded_once(finder: PatternFinder) -> None:
    assert finder.is_loaded
    finder.load()
    assert not PatternFinder().is_loaded


def test_the_extra_is_installed_for_the_tests() -> None:
    assert is_installed()
