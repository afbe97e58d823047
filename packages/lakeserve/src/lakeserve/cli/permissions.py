"""``lakeserve permissions``: who may do what with a serving endpoint."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lakeserve.cli.connection import connected, connection_options, show, told
from lakeserve.core.grants import LEVELS

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.serving import ServingEndpointAccessControlRequest

KINDS = ("user_name", "group_name", "service_principal_name")

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(name="permissions")
def command() -> None:
    """Who may see, call and change a serving endpoint.

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


@command.command("list")
@connection_options
@click.argument("endpoint")
def list_permissions(endpoint: str, as_json: bool, **target: Any) -> None:
    """List who may do what with ENDPOINT."""
    with connected(**target) as client:
        entries = _entries(client, _endpoint_id(client, endpoint))
    rows = entries if as_json else [row for entry in entries for row in _rows(entry)]
    show(rows, ["kind", "name", "permission", "inherited"], as_json=as_json)


@command.command("grant")
@connection_options
@_principal_options
@click.argument("endpoint")
@click.argument("level", type=click.Choice(LEVELS))
def grant(
    endpoint: str,
    level: str,
    as_json: bool,
    user_name: str | None,
    group_name: str | None,
    service_principal_name: str | None,
    **target: Any,
) -> None:
    """Grant LEVEL on ENDPOINT to one principal, in place of what it had."""
    kind, name = _named(user_name, group_name, service_principal_name)
    request = {kind: name, "permission_level": level}
    with connected(**target) as client:
        client.serving_endpoints.update_permissions(
            _endpoint_id(client, endpoint), access_control_list=[_request(request)]
        )
    told(f"granted {level} on {endpoint} to {name}", request, as_json=as_json)


@command.command("revoke")
@connection_options
@_principal_options
@click.argument("endpoint")
def revoke(
    endpoint: str,
    as_json: bool,
    user_name: str | None,
    group_name: str | None,
    service_principal_name: str | None,
    **target: Any,
) -> None:
    """Take from one principal what it was granted on ENDPOINT.

    The API knows no such call: the other grants are read and written again.
    """
    kind, name = _named(user_name, group_name, service_principal_name)
    with connected(**target) as client:
        endpoint_id = _endpoint_id(client, endpoint)
        kept = [
            _request({field: entry[field], "permission_level": each["permission_level"]})
            for entry in _entries(client, endpoint_id)
            for field in KINDS
            if field in entry and (field, entry[field]) != (kind, name)
            for each in entry["all_permissions"]
            if not each.get("inherited")
        ]
        client.serving_endpoints.set_permissions(endpoint_id, access_control_list=kept)
    told(f"{name} has no grant on {endpoint}", {kind: name}, as_json=as_json)


def _named(*names: str | None) -> tuple[str, str]:
    given = [(kind, name) for kind, name in zip(KINDS, names, strict=True) if name]
    if len(given) != 1:
        raise click.UsageError("exactly one of --user, --group and --service-principal is needed")
    return given[0]


def _request(fields: Mapping[str, str]) -> "ServingEndpointAccessControlRequest":
    from databricks.sdk.service.serving import ServingEndpointAccessControlRequest

    return ServingEndpointAccessControlRequest.from_dict(dict(fields))


def _endpoint_id(client: "WorkspaceClient", name: str) -> str:
    return str(client.serving_endpoints.get(name).id)


def _entries(client: "WorkspaceClient", endpoint_id: str) -> list[dict[str, Any]]:
    found = client.serving_endpoints.get_permissions(endpoint_id)
    return [entry.as_dict() for entry in found.access_control_list or ()]


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
