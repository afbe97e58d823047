"""Whether a body fits what is asked of an endpoint. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lakeserve.core.endpoints import RoutableEndpoint, Task
from lakeserve.core.errors import BadRequest
from lakeserve.providers.base import Operation

# For the gateway itself; an upstream would refuse or misread them.
GATEWAY_FIELDS = frozenset(
    {"client_request_id", "usage_context", "custom_inputs", "databricks_options"}
)

# Of these, what the models behind custom endpoints are meant to see.
AGENT_FIELDS = frozenset({"custom_inputs"})

OPERATIONS: Mapping[Task, Operation] = {
    "llm/v1/chat": "chat",
    "llm/v1/completions": "completions",
    "llm/v1/embeddings": "embeddings",
    "agent/v1/chat": "chat",
    "agent/v2/chat": "chat",
}

# Fields that a request needs where the task alone says which.
TASK_FIELDS: Mapping[Task, str] = {"agent/v1/responses": "input"}

# What a path may ask of a task besides; a chat model can complete a bare prompt, too.
ALSO_TAKES: Mapping[Task, frozenset[Operation]] = {
    "llm/v1/chat": frozenset({"completions", "responses", "messages", "generate"})
}

FIELDS: Mapping[Operation, str] = {
    "chat": "messages",
    "completions": "prompt",
    "embeddings": "input",
    "responses": "input",
    "messages": "messages",
    "generate": "contents",
}


class Question(NamedTuple):
    """A checked body.

    Attributes:
        body: What the upstream is asked, without the gateway's own fields.
        raw: The caller's bytes, or None when ``body`` says something else.
        stream: Whether the answer is wanted as events.
    """

    operation: Operation
    body: Mapping[str, Any]
    raw: bytes | None
    stream: bool


def question(
    endpoint: RoutableEndpoint,
    asked: Operation | None,
    body: dict[str, Any],
    raw: bytes,
    stream: bool | None = None,
) -> Question:
    """Check a body against the endpoint's task.

    Args:
        endpoint: Whose task decides.
        asked: What the path asks for, or None when it leaves that to the task.
        body: The caller's JSON object.
        raw: The bytes it was read from.
        stream: Whether the path asks for events, or None when it leaves that to the body.

    Raises:
        BadRequest: The endpoint does something else, or a field is missing or wrong.
    """
    task = endpoint.task
    given = body
    operation: Operation = "predict" if task is None else OPERATIONS.get(task, "predict")
    if (
        asked is None
        and operation == "chat"
        and "input" in body
        and "messages" not in body
        and "prompt" not in body
    ):
        asked = "responses"
    if task == "agent/v1/responses" and asked == "responses":
        asked = None  # the model itself has this interface
        body = {name: value for name, value in body.items() if name != "model"}
    if task is not None and asked is not None and asked in ALSO_TAKES.get(task, ()):
        operation = asked
    if asked is not None and asked != operation:
        raise BadRequest(
            f"Endpoint {endpoint.name!r} has {_named(task)}, which takes {operation} requests; this"
            f" is a request for {asked}."
        )
    if stream is not None:
        body = {**body, "stream": stream}
    wanted = body.get("stream")
    if wanted is not None and not isinstance(wanted, bool):
        raise BadRequest(f"Field 'stream' must be true or false, not {_seen(wanted)}.")
    is_custom = endpoint.endpoint_type == "CUSTOM_MODEL"
    withheld = GATEWAY_FIELDS - AGENT_FIELDS if is_custom else GATEWAY_FIELDS
    if not withheld.isdisjoint(body):
        body = {name: value for name, value in body.items() if name not in withheld}
    if operation == "chat" and "messages" not in body and "prompt" in body:
        body = _prompt_as_message(body)
    field = FIELDS.get(operation) or (TASK_FIELDS.get(task) if task is not None else None)
    if field is not None:
        _check_field(endpoint, field, body)
    return Question(operation, body, raw if body is given else None, wanted is True)


def _check_field(endpoint: RoutableEndpoint, field: str, body: Mapping[str, Any]) -> None:
    if field not in body:
        raise BadRequest(
            f"Missing required field '{field}': endpoint {endpoint.name!r} has"
            f" {_named(endpoint.task)}."
        )
    value = body[field]
    if field in {"messages", "contents"}:
        accepted = f"a list of {field} with at least one"
        fits = isinstance(value, list) and {dict}.issuperset(map(type, value))
    else:
        accepted = "a string or a list with at least one item"
        fits = isinstance(value, str | list)
    if not fits or value == []:
        raise BadRequest(f"Field '{field}' must be {accepted}, not {_seen(value)}.")


def _prompt_as_message(body: Mapping[str, Any]) -> dict[str, Any]:
    prompt = body["prompt"]
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise BadRequest(
            "Field 'prompt' of a chat endpoint must be a string, which is taken as one user"
            f" message, not {_seen(prompt)}."
        )
    rest = {name: value for name, value in body.items() if name != "prompt"}
    return {"messages": [{"role": "user", "content": prompt}], **rest}


def _named(task: Task | None) -> str:
    return "no task" if task is None else f"the task {task!r}"


def _seen(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    if value is None:
        return "null"
    if value == []:
        return "an empty list"
    return names.get(type(value), "a number")
