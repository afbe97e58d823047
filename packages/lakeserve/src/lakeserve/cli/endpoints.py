"""``lakeserve endpoints``: serving endpoints over the public API."""

import json
import time
from pathlib import Path
from typing import Any

import click

from lakeserve.cli.connection import (
    confirm,
    connected,
    connection_options,
    show,
    told,
    yes_option,
)
from lakeserve.cli.exits import ServerError
from lakeserve.core.external_models import ALL_TASKS
from lakeserve.providers.plugins import FORMS

API = "/api/2.0/serving-endpoints"
POLL_S = 0.2

_COLUMNS = ["name", "task", "type", "ready", "update", "creator"]


@click.group(name="endpoints")
def command() -> None:
    """Serving endpoints: list, look at, make, change, call and delete them.

    The platform or workspace is the one that DATABRICKS_HOST and DATABRICKS_TOKEN or --profile
    name, or the platform that runs on the data directory.
    """


@command.command("list")
@connection_options
def list_endpoints(as_json: bool, **target: Any) -> None:
    """List the endpoints that you may see."""
    with connected(**target) as client:
        reply: Any = client.api_client.do("GET", API)
    found = reply.get("endpoints", [])
    show(found if as_json else [_row(each) for each in found], _COLUMNS, as_json=as_json)


@command.command("get")
@connection_options
@click.argument("name")
def get(name: str, as_json: bool, **target: Any) -> None:
    """Show the endpoint NAME in full, as JSON."""
    del as_json  # it is JSON either way
    with connected(**target) as client:
        endpoint: Any = client.api_client.do("GET", f"{API}/{name}")
    click.echo(json.dumps(endpoint, indent=2, ensure_ascii=False))


@command.command("create")
@connection_options
@click.argument("name")
@click.option("--model", help="The model's name at its provider.")
@click.option("--provider", type=click.Choice(list(FORMS)), default="openai", show_default=True)
@click.option("--task", type=click.Choice(ALL_TASKS), default=ALL_TASKS[0], show_default=True)
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field of the provider's block, such as openai_api_key={{secrets/scope/key}}."
    " Repeatable; a nested field is OBJECT.FIELD.",
)
@click.option(
    "--file",
    type=click.File(),
    help="A JSON file with the endpoint's config instead; - reads standard input.",
)
@click.option("--wait/--no-wait", default=True, help="Wait until it is ready. [default: wait]")
def create(
    name: str,
    model: str | None,
    provider: str,
    task: str,
    options: tuple[str, ...],
    file: Any,
    wait: bool,
    as_json: bool,
    **target: Any,
) -> None:
    """Make the endpoint NAME of an external model.

    Example: lakeserve endpoints create my-chat --model gpt-4
    --set 'openai_api_key={{secrets/scope/key}}'
    """
    if (model is None) == (file is None):
        raise click.UsageError("give exactly one of --model and --file")
    if file is not None:
        config = _config_of(file)
    else:
        block = FORMS[provider].block
        external = {"name": model, "provider": provider, "task": task, block: _block(options)}
        config = {"served_entities": [{"name": name, "external_model": external}]}
    with connected(**target) as client:
        endpoint: Any = client.api_client.do("POST", API, body={"name": name, "config": config})
        while wait and endpoint["state"]["config_update"] == "IN_PROGRESS":
            time.sleep(POLL_S)
            endpoint = client.api_client.do("GET", f"{API}/{name}")
    if endpoint["state"]["config_update"] == "UPDATE_FAILED":
        raise ServerError(f"endpoint {name} was created but is not ready: {_reasons(endpoint)}")
    ready = "ready" if endpoint["state"]["ready"] == "READY" else "being deployed"
    told(f"created endpoint {name}; it is {ready}", endpoint, as_json=as_json)


@command.command("update-config")
@connection_options
@click.argument("name")
@click.argument("file", type=click.File())
def update_config(name: str, file: Any, as_json: bool, **target: Any) -> None:
    """Deploy the config of the JSON file FILE (- is standard input) on the endpoint NAME."""
    config = _config_of(file)
    with connected(**target) as client:
        endpoint: Any = client.api_client.do("PUT", f"{API}/{name}/config", body=config)
    told(f"updating endpoint {name}; the old config serves meanwhile", endpoint, as_json=as_json)


@command.command("delete")
@connection_options
@yes_option
@click.argument("name")
def delete(name: str, yes: bool, as_json: bool, **target: Any) -> None:
    """Delete the endpoint NAME."""
    confirm(f"delete endpoint {name}", yes=yes)
    with connected(**target) as client:
        client.serving_endpoints.delete(name)
    told(f"deleted endpoint {name}", {"name": name}, as_json=as_json)


@command.command("query")
@connection_options
@click.argument("name")
@click.argument("text")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The longest answer.")
def query(name: str, text: str, max_tokens: int | None, as_json: bool, **target: Any) -> None:
    """Ask the endpoint NAME with TEXT: a question, a beginning or a text to embed."""
    with connected(**target) as client:
        endpoint: Any = client.api_client.do("GET", f"{API}/{name}")
        body = _question(endpoint.get("task"), text)
        if max_tokens is not None and "input" not in body:
            body["max_tokens"] = max_tokens
        reply: Any = client.api_client.do(
            "POST", f"/serving-endpoints/{name}/invocations", body=body
        )
    click.echo(json.dumps(reply, ensure_ascii=False) if as_json else _answer(reply))


def _row(endpoint: dict[str, Any]) -> dict[str, Any]:
    state = endpoint.get("state", {})
    return {
        **endpoint,
        "type": endpoint.get("endpoint_type", ""),
        "ready": state.get("ready", ""),
        "update": state.get("config_update", ""),
    }


def _block(options: tuple[str, ...]) -> dict[str, Any]:
    block: dict[str, Any] = {}
    for given in options:
        name, equals, value = given.partition("=")
        if not name or not equals:
            raise click.UsageError("--set needs FIELD=VALUE")
        outer, dot, inner = name.partition(".")
        if dot:
            block.setdefault(outer, {})[inner] = value
        else:
            block[name] = value
    return block


def _config_of(file: Any) -> Any:
    try:
        return json.load(file)
    except ValueError as error:
        raise click.UsageError(f"{Path(file.name).name} is no JSON: {error}") from None


def _reasons(endpoint: dict[str, Any]) -> str:
    states = [each["state"] for each in endpoint["config"]["served_entities"]]
    return "; ".join(state["deployment_state_message"] for state in states)


def _question(task: str | None, text: str) -> dict[str, Any]:
    if task == "llm/v1/embeddings":
        return {"input": text}
    if task == "llm/v1/completions":
        return {"prompt": text}
    return {"messages": [{"role": "user", "content": text}]}


def _answer(reply: dict[str, Any]) -> str:
    """The words of an answer; of embeddings, the vector."""
    if "choices" not in reply:
        return json.dumps(reply.get("data", [reply])[0].get("embedding", reply))
    choice = reply["choices"][0]
    content = choice["text"] if "text" in choice else choice["message"]["content"]
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
