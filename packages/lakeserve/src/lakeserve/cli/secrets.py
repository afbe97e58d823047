"""``lakeserve secrets``: scopes, secrets and the master key."""

import asyncio
import base64
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lakeserve.cli.connection import (
    confirm,
    connected,
    connection_options,
    show,
    told,
    yes_option,
)
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings, load_settings

if TYPE_CHECKING:
    from lakeserve.control.secrets.rotation import Rotation


@click.group(name="secrets")
def command() -> None:
    """Scopes, secrets and the master key that encrypts them.

    Every command but rotate-key and new-key speaks to the platform or workspace that
    DATABRICKS_HOST and DATABRICKS_TOKEN or --profile name, or else to the platform that runs on the
    data directory.
    """


@command.command("create-scope")
@connection_options
@click.argument("name")
@click.option(
    "--initial-manage-principal",
    type=click.Choice(["users"]),
    help="Let everyone manage the scope instead of its creator.",
)
def create_scope(
    name: str, initial_manage_principal: str | None, as_json: bool, **target: Any
) -> None:
    """Make the scope NAME."""
    with connected(**target) as client:
        client.secrets.create_scope(name, initial_manage_principal=initial_manage_principal)
    told(f"created scope {name}", {"scope": name}, as_json=as_json)


@command.command("list-scopes")
@connection_options
def list_scopes(as_json: bool, **target: Any) -> None:
    """List the scopes that you may read."""
    with connected(**target) as client:
        rows = [scope.as_dict() for scope in client.secrets.list_scopes()]
    show(rows, ["name", "backend_type"], as_json=as_json)


@command.command("delete-scope")
@connection_options
@yes_option
@click.argument("name")
def delete_scope(name: str, yes: bool, as_json: bool, **target: Any) -> None:
    """Delete the scope NAME with everything in it."""
    confirm(f"delete scope {name} with everything in it", yes=yes)
    with connected(**target) as client:
        client.secrets.delete_scope(name)
    told(f"deleted scope {name}", {"scope": name}, as_json=as_json)


@command.command("put-secret")
@connection_options
@click.argument("scope")
@click.argument("key")
@click.option("--string-value", help="The value; without it, standard input is read.")
def put_secret(
    scope: str, key: str, string_value: str | None, as_json: bool, **target: Any
) -> None:
    """Write the secret KEY of SCOPE, in place of one of the same key.

    On a terminal the value is asked for without showing it; otherwise standard input is taken as it
    is, every byte of it.
    """
    if string_value is None and sys.stdin.isatty():
        string_value = click.prompt("value", hide_input=True, err=True)
    piped = None
    if string_value is None:
        piped = base64.b64encode(sys.stdin.buffer.read()).decode()
    with connected(**target) as client:
        client.secrets.put_secret(scope, key, string_value=string_value, bytes_value=piped)
    told(f"wrote secret {key} of scope {scope}", {"scope": scope, "key": key}, as_json=as_json)


@command.command("get-secret")
@connection_options
@click.argument("scope")
@click.argument("key")
def get_secret(scope: str, key: str, as_json: bool, **target: Any) -> None:
    """Print the value of the secret KEY of SCOPE.

    With --json the value is in base64, as the API has it; otherwise its bytes are printed as they
    are, and a line end after them on a terminal only.
    """
    with connected(**target) as client:
        found = client.secrets.get_secret(scope, key)
    if as_json:
        told("", {"key": key, "value": found.value}, as_json=True)
        return
    sys.stdout.buffer.write(base64.b64decode(found.value or ""))
    sys.stdout.buffer.flush()
    if sys.stdout.isatty():
        click.echo()


@command.command("list-secrets")
@connection_options
@click.argument("scope")
def list_secrets(scope: str, as_json: bool, **target: Any) -> None:
    """List the secrets of SCOPE, without their values."""
    with connected(**target) as client:
        rows = [secret.as_dict() for secret in client.secrets.list_secrets(scope)]
    show(rows, ["key", "last_updated_timestamp"], as_json=as_json)


@command.command("delete-secret")
@connection_options
@yes_option
@click.argument("scope")
@click.argument("key")
def delete_secret(scope: str, key: str, yes: bool, as_json: bool, **target: Any) -> None:
    """Delete the secret KEY of SCOPE."""
    confirm(f"delete secret {key} of scope {scope}", yes=yes)
    with connected(**target) as client:
        client.secrets.delete_secret(scope, key)
    told(f"deleted secret {key} of scope {scope}", {"scope": scope, "key": key}, as_json=as_json)


@command.command("put-acl")
@connection_options
@click.argument("scope")
@click.argument("principal")
@click.argument("permission", type=click.Choice(["READ", "WRITE", "MANAGE"]))
def put_acl(scope: str, principal: str, permission: str, as_json: bool, **target: Any) -> None:
    """Give PRINCIPAL a PERMISSION on SCOPE, in place of the one it had.

    PRINCIPAL is a user name, the application id of a service principal, or a group.
    """
    with connected(**target) as client:
        from databricks.sdk.service.workspace import AclPermission

        client.secrets.put_acl(scope, principal, AclPermission(permission))
    facts = {"scope": scope, "principal": principal, "permission": permission}
    told(f"{principal} has {permission} on scope {scope}", facts, as_json=as_json)


@command.command("list-acls")
@connection_options
@click.argument("scope")
def list_acls(scope: str, as_json: bool, **target: Any) -> None:
    """List who may do what with SCOPE."""
    with connected(**target) as client:
        rows = [entry.as_dict() for entry in client.secrets.list_acls(scope)]
    show(rows, ["principal", "permission"], as_json=as_json)


@command.command("delete-acl")
@connection_options
@click.argument("scope")
@click.argument("principal")
def delete_acl(scope: str, principal: str, as_json: bool, **target: Any) -> None:
    """Take PRINCIPAL's permission on SCOPE away."""
    with connected(**target) as client:
        client.secrets.delete_acl(scope, principal)
    facts = {"scope": scope, "principal": principal}
    told(f"{principal} has no permission on scope {scope}", facts, as_json=as_json)


@command.command("new-key")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def new_key(as_json: bool) -> None:
    """Print a fresh master key, for LAKESERVE_SECRET_KEYS."""
    from lakeserve.core.crypto import new_master_key

    key = new_master_key()
    told(key.text, {"key_id": key.id, "key": key.text}, as_json=as_json)


@command.command("rotate-key")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the platform, which must not run. [LAKESERVE_DATA_DIR]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def rotate_key(config: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Encrypt everything under a new master key.

    The key file of the data directory gets a new key. With LAKESERVE_SECRET_KEYS set, its first key
    is the new one; afterwards the others can be left out.
    """
    settings = load_settings(config, data_dir=data_dir)
    if settings.database_url is None and not settings.database_path.is_file():
        raise ConfigurationError(f"there is no platform in {settings.data_dir}: no database")
    rotation = asyncio.run(_rotate(settings))
    told(
        f"{rotation.rewrapped} data keys are now under the master key {rotation.key_id}",
        {"key_id": rotation.key_id, "rewrapped": rotation.rewrapped},
        as_json=as_json,
    )


async def _rotate(settings: Settings) -> "Rotation":
    from lakeserve.app.run_file import own_data_directory
    from lakeserve.control.secrets.rotation import rotate_master_key
    from lakeserve.storage.database import open_storage

    with own_data_directory(settings.data_dir):
        storage = await open_storage(settings)
        try:
            return await rotate_master_key(storage, settings)
        finally:
            await storage.close()
