from dataclasses import FrozenInstanceError

import pytest
from lakeserve.core.endpoints import Address, OpenAICompatible, Target


def test_credentials_are_not_shown() -> None:
    backend = OpenAICompatible("http://h", "m", api_key="sk-secret")
    target = Target("1", "n", "openai", "m", "m", 100, Address(), credential="sk-secret")
    assert "sk-secret" not in f"{backend!r} {target!r} {backend} {target}"


def test_values_do_not_change() -> None:
    address = Address(uds="/s")
    with pytest.raises(FrozenInstanceError):
        address.uds = "/other"  # type: ignore[misc]
