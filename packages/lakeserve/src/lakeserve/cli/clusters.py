"""``lakeserve clusters``: driver hosts that the driver proxy may reach."""

import json
from pathlib import Path
from typing import Any

import click

from lakeserve.cli.connection import confirm, connected, connection_options, show, told, yes_option

OWN = "/api/2.0/lakeserve/clusters"

_COLUMNS = ["cluster_id", "cluster_name", "state", "host", "creator_user_name"]


@click.group(name="clusters")
def command() -> None:
    """Driver hosts behind the driver proxy: register, list, look at and remove them.

    list and get work against a workspace too; add and remove are this platform's own. Who may call
    a cluster's apps: lakeserve permissions --type cluster.
    """


@command.command("add")
@connection_options
@click.argument("cluster_id")
@click.option("--host", required=True, help="Name or address of the host, without a port.")
@click.option("--tls", is_flag=True, help="The apps there speak https.")
@click.option(
    "--ca-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="PEM file with the authority of the apps' certificates; else the system's.",
)
@click.option("--name", default="", help="Name for people. [default: the id]")
def add(
    cluster_id: str,
    host: str,
    tls: bool,
    ca_file: Path | None,
    name: str,
    as_json: bool,
    **target: Any,
) -> None:
    """Register the host of the cluster CLUSTER_ID; its ports 3000 to 8000 can be reached then."""
    if ca_file is not None and not tls:
        raise click.UsageError("--ca-file needs --tls")
    body: dict[str, Any] = {"cluster_id": cluster_id, "host": host, "tls": tls}
    if ca_file is not None:
        body["ca_pem"] = _text(ca_file)
    if name:
        body["cluster_name"] = name
    with connected(**target) as client:
        made: Any = client.api_client.do("POST", OWN, body=body)
    told(f"registered cluster {cluster_id} at {host}", made, as_json=as_json)


@command.command("list")
@connection_options
def list_clusters(as_json: bool, **target: Any) -> None:
    """List the clusters that you may see."""
    with connected(**target) as client:
        reply: Any = client.api_client.do("GET", "/api/2.0/clusters/list")
    found = reply.get("clusters", [])
    rows = found if as_json else [{**each, **each.get("lakeserve", {})} for each in found]
    show(rows, _COLUMNS, as_json=as_json)


@command.command("get")
@connection_options
@click.argument("cluster_id")
def get(cluster_id: str, as_json: bool, **target: Any) -> None:
    """Show the cluster CLUSTER_ID in full, as JSON."""
    del as_json  # it is JSON either way
    with connected(**target) as client:
        query = {"cluster_id": cluster_id}
        found: Any = client.api_client.do("GET", "/api/2.1/clusters/get", query=query)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@command.command("remove")
@connection_options
@yes_option
@click.argument("cluster_id")
def remove(cluster_id: str, yes: bool, as_json: bool, **target: Any) -> None:
    """Forget the cluster CLUSTER_ID and what was granted on it."""
    confirm(f"remove cluster {cluster_id}", yes=yes)
    with connected(**target) as client:
        client.api_client.do("DELETE", f"{OWN}/{cluster_id}")
    told(f"removed cluster {cluster_id}", {"cluster_id": cluster_id}, as_json=as_json)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        raise click.UsageError(f"--ca-file {path} is no text in PEM") from None
