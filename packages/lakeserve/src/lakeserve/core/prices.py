"""What calls cost. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

PER_MILLION = 1e-6
MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, per million tokens."""

    input: float = 0.0
    output: float = 0.0


FREE = Price()


class PriceTable:
    """Prices by ``provider/model``, ``model`` or ``provider/*``; the first that is there counts.

    Attributes:
        is_empty: Whether everything is free.
    """

    def __init__(self, prices: Mapping[str, Price] | None = None) -> None:
        self._prices = dict(prices or {})
        self.is_empty = not self._prices
        self._found: dict[tuple[str, str], Price] = {}

    def price(self, provider: str, model: str) -> Price:
        """The price of a model; what is not in the table is free."""
        key = (provider, model)
        price = self._found.get(key)
        if price is None:
            if len(self._found) >= MAX_REMEMBERED:
                self._found.clear()
            price = self._found[key] = self._look_up(provider, model)
        return price

    def cost(self, provider: str, model: str, input_tokens: int, output_tokens: int) -> float:
        """What a call costs, in the table's currency."""
        price = self.price(provider, model)
        return (input_tokens * price.input + output_tokens * price.output) * PER_MILLION

    def _look_up(self, provider: str, model: str) -> Price:
        for name in (f"{provider}/{model}", model, f"{provider}/*"):
            if name in self._prices:
                return self._prices[name]
        return FREE
