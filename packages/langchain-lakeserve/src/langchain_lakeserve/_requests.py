"""The body and the path of a chat call, from settings and call values; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve._messages import Replay, messages_to_wire
from langchain_lakeserve._responses import items_to_wire
from langchain_lakeserve._schemas import refused_keywords
from langchain_lakeserve.errors import BadRequestError, ConfigurationError, LakeserveError

# Values of a call that LangChain or this package uses itself.
_NOT_SENT = frozenset({"stream", "stream_usage", "extra_body", "extra_params", "timeout", "config"})


@dataclass
class ChatRequest:
    """One call, ready to be sent.

    Attributes:
        path: Where to post.
        body: What to post.
        timeout: The call's own timeout, if it has one.
        report_usage: Whether a stream shall end with usage.
        asked_usage: Whether `stream_options` is ours, so that it may be left out.
        is_response: Whether this is a call of the Responses API.
        stop: Where to cut the reply, as far as the endpoint does not.
    """

    path: str
    body: JSONObject
    timeout: float | None = None
    report_usage: bool = True
    asked_usage: bool = False
    is_response: bool = False
    stop: tuple[str, ...] = ()

    def without_usage_option(self) -> ChatRequest:
        """Return the same call for an endpoint that refuses `stream_options`."""
        body = {key: value for key, value in self.body.items() if key != "stream_options"}
        return ChatRequest(self.path, body, self.timeout, self.report_usage)


def chat_request(
    messages: Sequence[BaseMessage],
    settings: Mapping[str, Any],
    call: Mapping[str, Any],
    *,
    base: str,
    stream: bool = False,
    stream_usage: bool = True,
    replay: Replay = "signed",
    refused_usage: Collection[str] = (),
) -> ChatRequest:
    """Build a chat completion call; the values of the call win over the settings."""
    body = merged_body(settings, call)
    report = call.get("stream_usage", stream_usage)
    if "tools" not in body:
        body.pop("parallel_tool_calls", None)
    body["messages"] = messages_to_wire(messages, replay)
    asked = False
    if stream:
        body["stream"] = True
        asked = bool(report) and "stream_options" not in body and body["model"] not in refused_usage
        if asked:
            body["stream_options"] = {"include_usage": True}
    return ChatRequest(f"{base}/chat/completions", body, call.get("timeout"), bool(report), asked)


def response_request(
    messages: Sequence[BaseMessage],
    settings: Mapping[str, Any],
    call: Mapping[str, Any],
    *,
    base: str,
    stream: bool = False,
    stream_usage: bool = True,
    replay: Replay = "signed",
) -> ChatRequest:
    """Build a call of the Responses API from the same settings and call values."""
    merged = merged_body(settings, call)
    if "tools" not in merged:
        merged.pop("parallel_tool_calls", None)
    body, stop = response_body(merged)
    body["input"] = items_to_wire(messages, replay)
    if stream:
        body["stream"] = True
    return ChatRequest(
        f"{base}/responses",
        body,
        call.get("timeout"),
        report_usage=bool(call.get("stream_usage", stream_usage)),
        is_response=True,
        stop=tuple(stop),
    )


def response_body(body: Mapping[str, JSONValue]) -> tuple[JSONObject, list[str]]:
    """Spell the parameters of a chat call as the Responses API does.

    Returns:
        The body, and the stop strings, which this API does not know: the reply is cut here.

    Raises:
        ConfigurationError: Several choices are asked for; this API gives one.
    """
    wire = dict(body)
    if wire.pop("n", 1) != 1:
        raise ConfigurationError("the Responses API gives one reply; n must be 1")
    stop = wire.pop("stop", None) or []
    for name in ("max_tokens", "max_completion_tokens"):
        if name in wire:
            wire["max_output_tokens"] = wire.pop(name)
    if (effort := wire.pop("reasoning_effort", None)) is not None:
        wire["reasoning"] = {**(wire.get("reasoning") or {}), "effort": effort}
    if wire.pop("logprobs", None):
        wire["include"] = [*(wire.get("include") or []), "message.output_text.logprobs"]
    if (form := wire.pop("response_format", None)) is not None:
        wire["text"] = {**(wire.get("text") or {}), "format": _format(form)}
    if "tools" in wire:
        wire["tools"] = [_tool(tool) for tool in wire["tools"]]
    choice = wire.get("tool_choice")
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        wire["tool_choice"] = {"type": "function", "name": choice["function"]["name"]}
    return wire, [stop] if isinstance(stop, str) else list(stop)


def _format(form: JSONObject) -> JSONObject:
    schema = form.get("json_schema")
    return {"type": "json_schema", **schema} if isinstance(schema, dict) else dict(form)


def _tool(tool: JSONObject) -> JSONObject:
    function = tool.get("function")
    return {"type": "function", **function} if isinstance(function, dict) else dict(tool)


def merged_body(settings: Mapping[str, Any], call: Mapping[str, Any]) -> JSONObject:
    """Merge settings and call; None at the call takes a setting back."""
    body: JSONObject = dict(settings)
    for name, value in call.items():
        if name in _NOT_SENT:
            continue
        if value is None:
            body.pop(name, None)
        else:
            body[name] = value
    for name in ("extra_params", "extra_body"):
        body.update(call.get(name) or {})
    if not body.get("stop", True):
        del body["stop"]
    return body


@contextmanager
def explained(body: JSONObject) -> Iterator[None]:
    """Say in a refusal which keywords of the sent schemas many endpoints do not take."""
    try:
        yield
    except BadRequestError as error:
        schemas = [body.get(name) for name in ("tools", "response_format", "text")]
        if keywords := refused_keywords(schemas):
            error.args = (
                f"{error} (the schemas sent use {', '.join(keywords)}, which endpoints of the "
                "foundation catalogue do not take)",
            )
        raise


def refuses_usage_option(error: LakeserveError) -> bool:
    """Say whether an endpoint refused the call because it does not know `stream_options`."""
    return isinstance(error, BadRequestError) and any(
        word in (error.server_text or "") for word in ("stream_options", "include_usage")
    )
