"""``lakeserve groups``: groups and their members over the identity API."""

from typing import TYPE_CHECKING, Any

import click

from lakeserve.cli.accounts import account_id
from lakeserve.cli.connection import confirm, connected, connection_options, show, told, yes_option
from lakeserve.cli.exits import ServerError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.iam import Patch

COLUMNS = ["id", "displayName", "members"]


@click.group(name="groups")
def command() -> None:
    """Groups and their members; changing them takes an administrator.

    GROUP is a name or an id. Everyone is in 'users'; who is in 'admins' may do everything.
    """


@command.command("list")
@connection_options
def list_groups(as_json: bool, **target: Any) -> None:
    """List the groups."""
    with connected(**target) as client:
        found = [group.as_dict() for group in client.groups.list()]
    show(found if as_json else [_row(each) for each in found], COLUMNS, as_json=as_json)


@command.command("get")
@connection_options
@click.argument("group")
def get(group: str, as_json: bool, **target: Any) -> None:
    """Show the members of GROUP."""
    with connected(**target) as client:
        found = client.groups.get(account_id(client.groups, "displayName", group)).as_dict()
    if as_json:
        told("", found, as_json=True)
    else:
        show(found.get("members", []), ["value", "display"], as_json=False)


@command.command("create")
@connection_options
@click.argument("name")
def create(name: str, as_json: bool, **target: Any) -> None:
    """Make the group NAME."""
    with connected(**target) as client:
        made = client.groups.create(display_name=name)
    told(f"created group {name} with id {made.id}", made.as_dict(), as_json=as_json)


@command.command("add-member")
@connection_options
@click.argument("group")
@click.argument("member")
def add_member(group: str, member: str, as_json: bool, **target: Any) -> None:
    """Put MEMBER, a user name or an application id, into GROUP."""
    with connected(**target) as client:
        from databricks.sdk.service.iam import Patch, PatchOp

        found = _member_id(client, member)
        value = [{"value": found}]
        _change(client, group, Patch(op=PatchOp.ADD, path="members", value=value))
    facts = {"group": group, "member": found}
    told(f"{member} is in group {group}", facts, as_json=as_json)


@command.command("remove-member")
@connection_options
@click.argument("group")
@click.argument("member")
def remove_member(group: str, member: str, as_json: bool, **target: Any) -> None:
    """Take MEMBER, a user name or an application id, out of GROUP."""
    with connected(**target) as client:
        from databricks.sdk.service.iam import Patch, PatchOp

        found = _member_id(client, member)
        _change(client, group, Patch(op=PatchOp.REMOVE, path=f'members[value eq "{found}"]'))
    facts = {"group": group, "member": found}
    told(f"{member} is not in group {group}", facts, as_json=as_json)


@command.command("delete")
@connection_options
@yes_option
@click.argument("group")
def delete(group: str, yes: bool, as_json: bool, **target: Any) -> None:
    """Delete GROUP and everything that was granted to it; its members stay."""
    confirm(f"delete group {group}", yes=yes)
    with connected(**target) as client:
        found = account_id(client.groups, "displayName", group)
        client.groups.delete(found)
    told(f"deleted group {group}", {"id": found}, as_json=as_json)


def _change(client: "WorkspaceClient", group: str, patch: "Patch") -> None:
    from databricks.sdk.service.iam import PatchSchema

    client.groups.patch(
        account_id(client.groups, "displayName", group),
        operations=[patch],
        schemas=[PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP],
    )


def _member_id(client: "WorkspaceClient", member: str) -> str:
    try:
        return account_id(client.users, "userName", member)
    except ServerError:
        return account_id(client.service_principals, "applicationId", member)


def _row(group: dict[str, Any]) -> dict[str, Any]:
    return {**group, "members": len(group.get("members", []))}
