"""What the commands of users, groups and service principals share."""

from collections.abc import Iterable
from typing import Any, Protocol

from lakeserve.cli.exits import ServerError


class _Found(Protocol):
    id: str | None


class _Listing(Protocol):
    def list(self, *, filter: str | None = None) -> Iterable[Any]: ...


def account_id(listing: _Listing, attribute: str, named: str) -> str:
    """The id of what a person named, by its name or by its id.

    Args:
        listing: The part of databricks-sdk's client that lists such things.
        attribute: What the name is called there.
        named: The name or the id.

    Raises:
        ServerError: There is none.
    """
    quoted = named.replace('"', '\\"')
    found: list[_Found] = list(listing.list(filter=f'{attribute} eq "{quoted}"'))
    if found and found[0].id is not None:
        return found[0].id
    if named.isascii() and named.isdecimal():
        return named
    raise ServerError(f"there is none with the {attribute} {named!r}")


def group_names(account: dict[str, Any]) -> dict[str, Any]:
    """An account with its groups in one word each, for a table."""
    names = ",".join(each.get("display", "") for each in account.get("groups", []))
    return {**account, "groups": names}
