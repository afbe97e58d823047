"""Which price counts, and what it comes to."""

import pytest
from lakeserve.core.prices import FREE, Price, PriceTable

TABLE = PriceTable(
    {
        "openai/gpt-x": Price(2.5, 10.0),
        "gpt-x": Price(1.0, 1.0),
        "openai/*": Price(0.5, 0.5),
        "anthropic/*": Price(3.0, 15.0),
    }
)


@pytest.mark.parametrize(
    ("provider", "model", "price"),
    [
        ("openai", "gpt-x", Price(2.5, 10.0)),
        ("custom", "gpt-x", Price(1.0, 1.0)),
        ("openai", "gpt-y", Price(0.5, 0.5)),
        ("anthropic", "claude", Price(3.0, 15.0)),
        ("local", "demo", FREE),
    ],
)
def test_the_nearest_name_counts(provider: str, model: str, price: Price) -> None:
    assert TABLE.price(provider, model) == price
    assert TABLE.price(provider, model) is TABLE.price(provider, model)


def test_prices_are_per_million_tokens() -> None:
    assert TABLE.cost("openai", "gpt-x", 1_000_000, 100_000) == pytest.approx(3.5)
    assert TABLE.cost("local", "demo", 1_000_000, 100_000) == 0.0
    assert PriceTable().cost("openai", "gpt-x", 1, 1) == 0.0


def test_what_is_remembered_is_bounded() -> None:
    table = PriceTable({"m1": Price(1.0)})
    for number in range(10_002):
        table.price("p", f"m{number}")
    assert len(table._found) <= 10_000
    assert table.price("p", "m1") == Price(1.0)
