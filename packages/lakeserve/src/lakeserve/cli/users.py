"""``lakeserve users``: users over the identity API."""

from typing import Any

import click

from lakeserve.cli.accounts import account_id, group_names
from lakeserve.cli.connection import confirm, connected, connection_options, show, told, yes_option

API = "/api/2.0/preview/scim/v2/Users"
COLUMNS = ["id", "userName", "displayName", "active", "groups"]


@click.group(name="users")
def command() -> None:
    """Users. USER is a user name or an id; changing users takes an administrator."""


@command.command("list")
@connection_options
def list_users(as_json: bool, **target: Any) -> None:
    """List the users."""
    with connected(**target) as client:
        found = [user.as_dict() for user in client.users.list()]
    show(found if as_json else [group_names(each) for each in found], COLUMNS, as_json=as_json)


@command.command("get")
@connection_options
@click.argument("user")
def get(user: str, as_json: bool, **target: Any) -> None:
    """Show USER."""
    with connected(**target) as client:
        found = client.users.get(account_id(client.users, "userName", user)).as_dict()
    if as_json:
        told("", found, as_json=True)
    else:
        show([group_names(found)], COLUMNS, as_json=False)


@command.command("create")
@connection_options
@click.argument("user_name")
@click.option("--display-name", help="Name for people. [default: the user name]")
def create(user_name: str, display_name: str | None, as_json: bool, **target: Any) -> None:
    """Make the user USER_NAME, an e-mail address."""
    with connected(**target) as client:
        made = client.users.create(user_name=user_name, display_name=display_name)
    told(f"created user {user_name} with id {made.id}", made.as_dict(), as_json=as_json)


@command.command("set-active")
@connection_options
@click.argument("user")
@click.argument("active", type=click.BOOL)
def set_active(user: str, active: bool, as_json: bool, **target: Any) -> None:
    """Let the credentials of USER count (true), or not (false)."""
    with connected(**target) as client:
        found = account_id(client.users, "userName", user)
        # databricks-sdk leaves a value of false out of the patches that it makes.
        change = {"op": "replace", "path": "active", "value": active}
        client.api_client.do("PATCH", f"{API}/{found}", body={"Operations": [change]})
    state = "active" if active else "inactive"
    told(f"user {user} is {state}", {"id": found, "active": active}, as_json=as_json)


@command.command("delete")
@connection_options
@yes_option
@click.argument("user")
def delete(user: str, yes: bool, as_json: bool, **target: Any) -> None:
    """Delete USER with its tokens and everything that was granted to it."""
    confirm(f"delete user {user}", yes=yes)
    with connected(**target) as client:
        found = account_id(client.users, "userName", user)
        client.users.delete(found)
    told(f"deleted user {user}", {"id": found}, as_json=as_json)
