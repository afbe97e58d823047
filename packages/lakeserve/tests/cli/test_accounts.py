from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from lakeserve.cli.accounts import account_id, group_names
from lakeserve.cli.exits import ServerError


class Listing:
    """Finds one account by its name, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def list(self, *, filter: str | None = None) -> Iterable[Any]:
        self.asked.append(filter)
        return [SimpleNamespace(id="7")] if filter == 'userName eq "anna"' else []


def test_by_name_or_by_id() -> None:
    listing = Listing()
    assert account_id(listing, "userName", "anna") == "7"
    assert account_id(listing, "userName", "42") == "42"
    with pytest.raises(ServerError, match="userName 'nobody'"):
        account_id(listing, "userName", "nobody")
    with pytest.raises(ServerError):
        account_id(listing, "userName", 'x" or "y')
    assert listing.asked[-1] == 'userName eq "x\\" or \\"y"'


def test_groups_in_one_cell() -> None:
    groups = [{"display": "users"}, {"display": "team"}]
    assert group_names({"id": "1", "groups": groups}) == {"id": "1", "groups": "users,team"}
    assert group_names({"id": "1"})["groups"] == ""
