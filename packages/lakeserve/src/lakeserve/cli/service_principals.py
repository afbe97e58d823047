"""``lakeserve service-principals``: service principals and the secrets they log in with."""

from typing import Any

import click

from lakeserve.cli.accounts import account_id, group_names
from lakeserve.cli.connection import confirm, connected, connection_options, show, told, yes_option

COLUMNS = ["id", "applicationId", "displayName", "active", "groups"]
NAME = "applicationId"


@click.group(name="service-principals")
def command() -> None:
    """Service principals, for programs; changing them takes an administrator.

    PRINCIPAL is an application id or an id.
    """


@command.command("list")
@connection_options
def list_principals(as_json: bool, **target: Any) -> None:
    """List the service principals."""
    with connected(**target) as client:
        found = [each.as_dict() for each in client.service_principals.list()]
    show(found if as_json else [group_names(each) for each in found], COLUMNS, as_json=as_json)


@command.command("create")
@connection_options
@click.argument("display_name")
def create(display_name: str, as_json: bool, **target: Any) -> None:
    """Make a service principal and print its application id."""
    with connected(**target) as client:
        made = client.service_principals.create(display_name=display_name)
    told(made.application_id or "", made.as_dict(), as_json=as_json)


@command.command("delete")
@connection_options
@yes_option
@click.argument("principal")
def delete(principal: str, yes: bool, as_json: bool, **target: Any) -> None:
    """Delete PRINCIPAL with its credentials and everything that was granted to it."""
    confirm(f"delete service principal {principal}", yes=yes)
    with connected(**target) as client:
        found = account_id(client.service_principals, NAME, principal)
        client.service_principals.delete(found)
    told(f"deleted service principal {principal}", {"id": found}, as_json=as_json)


@command.command("create-secret")
@connection_options
@click.argument("principal")
@click.option(
    "--lifetime-seconds", type=click.IntRange(min=1), help="Seconds until it expires. [two years]"
)
def create_secret(
    principal: str, lifetime_seconds: int | None, as_json: bool, **target: Any
) -> None:
    """Make a secret of PRINCIPAL and print it; it is not shown again."""
    lifetime = None if lifetime_seconds is None else f"{lifetime_seconds}s"
    with connected(**target) as client:
        found = account_id(client.service_principals, NAME, principal)
        made = client.service_principal_secrets_proxy.create(found, lifetime=lifetime)
    told(made.secret or "", made.as_dict(), as_json=as_json)


@command.command("list-secrets")
@connection_options
@click.argument("principal")
def list_secrets(principal: str, as_json: bool, **target: Any) -> None:
    """List the secrets of PRINCIPAL, without their values."""
    with connected(**target) as client:
        found = account_id(client.service_principals, NAME, principal)
        rows = [each.as_dict() for each in client.service_principal_secrets_proxy.list(found)]
    show(rows, ["id", "status", "create_time", "expire_time"], as_json=as_json)


@command.command("delete-secret")
@connection_options
@yes_option
@click.argument("principal")
@click.argument("secret_id")
def delete_secret(principal: str, secret_id: str, yes: bool, as_json: bool, **target: Any) -> None:
    """Delete the secret SECRET_ID of PRINCIPAL; tokens that it bought end at once."""
    confirm(f"delete secret {secret_id}", yes=yes)
    with connected(**target) as client:
        found = account_id(client.service_principals, NAME, principal)
        client.service_principal_secrets_proxy.delete(found, secret_id)
    told(f"deleted secret {secret_id}", {"id": secret_id}, as_json=as_json)
