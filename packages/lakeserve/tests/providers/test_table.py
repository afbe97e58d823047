"""Providers by name."""

import pytest
from lakeserve.core.errors import ConfigurationError
from lakeserve.providers.table import PROVIDERS, provider


def test_names() -> None:
    for name, one in PROVIDERS.items():
        assert one.name == name
        assert provider(name) is one


def test_unknown() -> None:
    with pytest.raises(ConfigurationError, match=r"'x'.*local, .*openai"):
        provider("x")
