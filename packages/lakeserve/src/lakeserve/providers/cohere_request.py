"""From a caller's chat or completion request to Cohere's chat. Pure.

Source: Cohere's API reference, "Chat API (v2)", and the guides "Tool use", "Structured outputs"
and "Reasoning". The interface for bare completions was retired; Cohere's migration guide puts the
prompt into a chat of one message.
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_request as chat
from lakeserve.providers import text_request
from lakeserve.providers.base import encode

PROVIDER = "cohere"

# Cohere takes no more; 1, the default of OpenAI, means the same.
MOST_P = 0.99

# Parameters of OpenAI's chat that Cohere has no counterpart of.
REFUSED = (*chat.OPENAI_ONLY, "metadata", "service_tier", "user")

REFUSED_OF_TEXT = ("best_of", "echo", "logit_bias", "logprobs", "suffix", "user")

TRANSLATED = frozenset(
    {
        "best_of",
        "echo",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "prompt",
        "reasoning_effort",
        "response_format",
        "stop",
        "stream_options",
        "suffix",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)

# A user's own parts that Cohere has, too.
_USER_PARTS = ("text", "image_url")


def chat_request(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Cohere's request for a chat; fields unknown to OpenAI pass as they are.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    chat.refuse(body, REFUSED, PROVIDER)
    if body.get("parallel_tool_calls") is False:
        raise BadRequest(
            f"Parameter 'parallel_tool_calls' cannot be false: provider {PROVIDER!r} may always"
            " call several tools."
        )
    messages = [_message(message) for message in chat.messages(body)]
    request = _sampling(model, body, REFUSED)
    request["messages"] = messages
    request.update(_tools(body))
    request.update(_thinking(body))
    kind, schema = chat.answer_schema(body)
    if kind != "text":
        request["response_format"] = {"type": "json_object"}
    if kind == "json_schema":
        request["response_format"]["json_schema"] = schema
    return request


def text_as_chat_request(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Cohere's request for a completion: a chat of one message.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    text_request.refuse(body, REFUSED_OF_TEXT, PROVIDER)
    request = _sampling(model, body, REFUSED_OF_TEXT)
    request["messages"] = [{"role": "user", "content": text_request.single_prompt(body)}]
    return request


def _sampling(model: str, body: Mapping[str, Any], refused: tuple[str, ...]) -> dict[str, Any]:
    """All but what is said and how the answer is formed."""
    chat.one_answer(body, PROVIDER)
    request = {
        name: value
        for name, value in body.items()
        if value is not None and name not in TRANSLATED and name not in refused
    }
    top_p = body.get("top_p")
    more = {
        "max_tokens": chat.token_limit(body),
        "k": body.get("top_k"),
        "p": min(top_p, MOST_P) if isinstance(top_p, int | float) else top_p,
        "stop_sequences": chat.stops(body) or None,
    }
    request.update((name, value) for name, value in more.items() if value is not None)
    # Cohere streams only what says so, and wants the field in any case.
    request.update(model=model, stream=body.get("stream") is True)
    return request


def _message(message: chat.Message) -> dict[str, Any]:
    if message.role == "assistant":
        return _assistant(message)
    if message.role == "tool":
        identity = chat.tool_call_id(message)
        return {"role": "tool", "tool_call_id": identity, "content": _content(message, _TOOL_PARTS)}
    if message.role == "user":
        return {"role": "user", "content": _content(message, _USER_PARTS)}
    return {"role": "system", "content": _content(message, ("text",))}


# Documents are Cohere's own; its models cite them.
_TOOL_PARTS = ("text", "document")


def _content(message: chat.Message, accepted: tuple[str, ...]) -> str | list[dict[str, Any]]:
    content = message.value.get("content")
    if isinstance(content, str):
        return content
    return [_part(part, message.role, accepted) for part in chat.parts(message)] or ""


def _part(part: chat.Part, role: str, accepted: tuple[str, ...]) -> dict[str, Any]:
    if part.type not in accepted:
        raise chat.unsupported(part, role, PROVIDER)
    if part.type == "text":
        return {"type": "text", "text": chat.text(part)}
    if part.type == "image_url":
        detail = part.value["image_url"].get("detail") if _has_detail(part) else None
        more = {} if detail is None else {"detail": detail}
        return {"type": "image_url", "image_url": {"url": chat.address(part), **more}}
    return dict(part.value)


def _has_detail(part: chat.Part) -> bool:
    return isinstance(part.value.get("image_url"), dict)


def _assistant(message: chat.Message) -> dict[str, Any]:
    """An answer; beside calls of tools its text is what Cohere calls the plan."""
    said: list[str] = []
    thoughts: list[dict[str, Any]] = []
    for part in chat.parts(message):
        if part.type == "reasoning":
            thoughts += [{"type": "thinking", "thinking": text} for text, _ in chat.thoughts(part)]
        elif part.type in {"text", "refusal"}:
            said.append(chat.text(part))
        else:
            raise chat.unsupported(part, message.role, PROVIDER)
    text = "".join(said) or str(message.value.get("refusal") or "")
    calls = [_call(call) for call in chat.tool_calls(message)]
    if not calls:
        texts = [{"type": "text", "text": text}] if text else []
        return {"role": "assistant", "content": [*thoughts, *texts] if thoughts else text}
    plan = {"tool_plan": text} if text else {}
    content = {"content": thoughts} if thoughts else {}
    return {"role": "assistant", **content, "tool_calls": calls, **plan}


def _call(call: chat.ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": encode(call.arguments).decode()}
    return {"id": call.id, "type": "function", "function": function}


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    functions, others = chat.functions(body)
    if others:
        raise BadRequest(f"Field 'tools': provider {PROVIDER!r} has functions only.")
    if not functions:
        return {}
    choice = body.get("tool_choice")
    request: dict[str, Any] = {}
    if choice == "none":
        request["tool_choice"] = "NONE"
    elif choice == "required":
        request["tool_choice"] = "REQUIRED"
    elif choice is not None and choice != "auto":
        # Cohere cannot be told which tool to call, but it can be shown only that one.
        functions = _only(functions, chat.chosen_function(choice))
        request["tool_choice"] = "REQUIRED"
    if any(function.value.get("strict") for function in functions):
        request["strict_tools"] = True
    request["tools"] = [_tool(function) for function in functions]
    return request


def _only(functions: list[chat.Function], name: str) -> list[chat.Function]:
    named = [function for function in functions if function.name == name]
    if not named:
        raise BadRequest(f"Field 'tool_choice' names the function {name!r}, which 'tools' lacks.")
    return named


def _tool(function: chat.Function) -> dict[str, Any]:
    value: dict[str, Any] = {
        "name": function.name,
        "parameters": function.value.get("parameters") or {"type": "object", "properties": {}},
    }
    if function.value.get("description") is not None:
        value["description"] = function.value["description"]
    return {"type": "function", "function": value}


def _thinking(body: Mapping[str, Any]) -> dict[str, Any]:
    given = body.get("thinking")
    if isinstance(given, dict):
        thinking = {name: value for name, value in given.items() if name != "budget_tokens"}
        if given.get("budget_tokens") is not None:
            thinking["token_budget"] = given["budget_tokens"]
        return {"thinking": thinking}
    if given is not None:
        raise BadRequest("Field 'thinking' must be an object.")
    effort = body.get("reasoning_effort")
    if effort is None:
        return {}
    return {"thinking": {"type": "disabled" if effort == "none" else "enabled"}}
