"""The body and the path of a chat call, from settings and call values; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from langchain_lakeserve._json import JSONObject
from langchain_lakeserve._messages import Replay, messages_to_wire
from langchain_lakeserve.errors import BadRequestError, LakeserveError

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
    """

    path: str
    body: JSONObject
    timeout: float | None = None
    report_usage: bool = True
    asked_usage: bool = False

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


def refuses_usage_option(error: LakeserveError) -> bool:
    """Say whether an endpoint refused the call because it does not know `stream_options`."""
    return isinstance(error, BadRequestError) and any(
        word in (error.server_text or "") for word in ("stream_options", "include_usage")
    )
