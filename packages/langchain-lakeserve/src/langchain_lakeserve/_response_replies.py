"""The JSON of a complete response (Responses API) to LangChain's result; pure."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_lakeserve._failures import streamed_error
from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve._replies import chat_result, documented_counts, reply_metadata
from langchain_lakeserve._responses import assistant_from_items
from langchain_lakeserve._stop import cut_at_stop
from langchain_lakeserve._usage import usage_metadata
from langchain_lakeserve.errors import EmptyReplyError, ReplyError, StreamedAPIError


def response_result(reply: JSONValue, stop: Sequence[str] = ()) -> ChatResult:
    """Translate a reply of the Responses API, or of an agent that speaks it.

    Raises:
        EmptyReplyError: It has no output.
        StreamedAPIError: It says that the call failed.
    """
    if not isinstance(reply, dict):
        raise ReplyError(f"a response is a JSON object, not {type(reply).__name__}")
    raise_failure(reply)
    if "output" not in reply and ("choices" in reply or "messages" in reply):
        return chat_result(reply)
    output = reply.get("output")
    if not isinstance(output, list):
        raise ReplyError("expected a response with 'output'")
    if not output:
        raise EmptyReplyError("the endpoint answered without any output")
    message = assistant_from_items(output)
    _cut(message.content, stop)
    message.usage_metadata = usage_metadata(reply.get("usage"))
    message.response_metadata = {
        **reply_metadata(reply),
        **documented_counts(message.usage_metadata),
        "finish_reason": finish_reason(reply, bool(message.tool_calls)),
    }
    if logprobs := _logprobs(output):
        message.response_metadata["logprobs"] = {"content": logprobs}
    if outputs := reply.get("custom_outputs"):
        message.additional_kwargs["custom_outputs"] = outputs
    return ChatResult(generations=[ChatGeneration(message=message)], llm_output={})


def _cut(content: str | list[str | JSONObject], stop: Sequence[str]) -> None:
    for block in content if stop else ():
        if isinstance(block, dict) and block.get("type") == "text":
            block["text"] = cut_at_stop(block["text"], stop)


def _logprobs(output: Sequence[JSONObject]) -> list[JSONObject]:
    return [
        token
        for item in output
        if item.get("type") == "message" and isinstance(item.get("content"), list)
        for part in item["content"]
        for token in part.get("logprobs") or ()
    ]


def finish_reason(reply: JSONObject, has_calls: bool) -> str:
    """Return the reason in the words of chat completions."""
    if reply.get("status") == "incomplete":
        reason = (reply.get("incomplete_details") or {}).get("reason") or "incomplete"
        return "length" if reason == "max_output_tokens" else str(reason)
    return "tool_calls" if has_calls else "stop"


def raise_failure(reply: JSONObject) -> None:
    error = streamed_error(reply)
    if error is not None:
        raise error
    if reply.get("status") == "failed":
        raise StreamedAPIError("the endpoint says that the response failed")
