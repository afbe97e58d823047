"""``lakeserve permissions``: who may do what with serving endpoints, clusters and tokens."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lakeserve.cli.connection import connected, connection_options, show, told
from lakeserve.core.grants import CLUSTER_LEVELS, LEVELS, TOKEN_LEVELS, Level

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

KINDS = ("user_name", "group_name", "service_principal_name")
TYPES: Mapping[str, tuple[str, tuple[Level, ...]]] = {
    "endpoint": ("serving-endpoints", LEVELS),
    "cluster": ("clusters", CLUSTER_LEVELS),
    "authorization": ("authorization", TOKEN_LEVELS[:1]),
}

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(name="permissions")
def command() -> None:
    """Who may see, use and change a serving endpoint (OBJECT is its name) or a cluster (its id).

    With --type authorization OBJECT is the word tokens: who may make tokens.

    The commands speak to the platform or workspace that DATABRICKS_HOST and DATABRICKS_TOKEN or
    --profile name, or else to the platform that runs on the data directory.
    """


def _principal_options(command: Command) -> Command:
    for option in (
        click.option("--user", "user_name", help="Name of a user."),
        click.option("--group", "group_name", help="Name of a group; 'users' is everyone."),
        click.option(
            "--service-principal",
            "service_principal_name",
            help="Application id of a service principal.",
        ),
    ):
        command = option(command)
    return command


def _object_options(command: Command) -> Command:
    option = click.option(
        "--type",
        "object_type",
        type=click.Choice(list(TYPES)),
        default="endpoint",
        show_default=True,
        help="What OBJECT is.",
    )
    return option(click.argument("object_name", metavar="OBJECT")(command))


@command.command("list")
@connection_options
@_object_options
def list_permissions(object_type: str, object_name: str, as_json: bool, **target: Any) -> None:
    """List who may do what with OBJECT."""
    with connected(**target) as client:
        reply: Any = client.api_client.do("GET", _path(client, object_type, object_name))
    entries = reply.get("access_control_list", [])
    rows = entries if as_json else [row for entry in entries for row in _rows(entry)]
    show(rows, ["kind", "name", "permission", "inherited"], as_json=as_json)


@command.command("grant")
@connection_options
@_principal_options
@_object_options
@click.argument("level")
def grant(
    object_type: str,
    object_name: str,
    level: str,
    as_json: bool,
    user_name: str | None,
    group_name: str | None,
    service_principal_name: str | None,
    **target: Any,
) -> None:
    """Grant LEVEL on OBJECT to one principal, in place of what it had."""
    kind, name = _named(user_name, group_name, service_principal_name)
    accepted = TYPES[object_type][1]
    if level not in accepted:
        raise click.UsageError(f"LEVEL {level!r} is not one of {', '.join(accepted)}")
    request = {kind: name, "permission_level": level}
    with connected(**target) as client:
        path = _path(client, object_type, object_name)
        client.api_client.do("PATCH", path, body={"access_control_list": [request]})
    told(f"granted {level} on {object_name} to {name}", request, as_json=as_json)


@command.command("revoke")
@connection_options
@_principal_options
@_object_options
def revoke(
    object_type: str,
    object_name: str,
    as_json: bool,
    user_name: str | None,
    group_name: str | None,
    service_principal_name: str | None,
    **target: Any,
) -> None:
    """Take from one principal what it was granted on OBJECT.

    The API knows no such call: the other grants are read and written again.
    """
    kind, name = _named(user_name, group_name, service_principal_name)
    with connected(**target) as client:
        path = _path(client, object_type, object_name)
        reply: Any = client.api_client.do("GET", path)
        kept = [
            {field: entry[field], "permission_level": each["permission_level"]}
            for entry in reply.get("access_control_list", [])
            for field in KINDS
            if field in entry and (field, entry[field]) != (kind, name)
            for each in entry["all_permissions"]
            if not each.get("inherited")
        ]
        client.api_client.do("PUT", path, body={"access_control_list": kept})
    told(f"{name} has no grant on {object_name}", {kind: name}, as_json=as_json)


def _named(*names: str | None) -> tuple[str, str]:
    given = [(kind, name) for kind, name in zip(KINDS, names, strict=True) if name]
    if len(given) != 1:
        raise click.UsageError("exactly one of --user, --group and --service-principal is needed")
    return given[0]


def _path(client: "WorkspaceClient", object_type: str, name: str) -> str:
    object_id = client.serving_endpoints.get(name).id if object_type == "endpoint" else name
    return f"/api/2.0/permissions/{TYPES[object_type][0]}/{object_id}"


def _rows(entry: Mapping[str, Any]) -> list[dict[str, str]]:
    kind = next(field for field in KINDS if field in entry)
    return [
        {
            "kind": kind.removesuffix("_name").replace("_", " "),
            "name": entry[kind],
            "permission": each["permission_level"],
            "inherited": "yes" if each.get("inherited") else "",
        }
        for each in entry["all_permissions"]
    ]
