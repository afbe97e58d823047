"""From a caller's chat request to Gemini's on Vertex AI. Pure.

Source: Vertex AI's reference, "generateContent", "GenerationConfig", "Tool" and "ToolConfig"; the
budgets of thinking are those of Google's page "OpenAI compatibility".
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_request as chat
from lakeserve.providers.gemini_parts import PROVIDER, answer_parts, parts, result_part

# Parameters of OpenAI's chat that Gemini has no counterpart of.
REFUSED = (*chat.OPENAI_ONLY, "metadata", "service_tier", "user")

# Gemini's names in ``generationConfig``.
SAMPLING: Mapping[str, str] = {
    "frequency_penalty": "frequencyPenalty",
    "n": "candidateCount",
    "presence_penalty": "presencePenalty",
    "seed": "seed",
    "temperature": "temperature",
    "top_k": "topK",
    "top_p": "topP",
}

TRANSLATED = frozenset(
    {
        *SAMPLING,
        "generationConfig",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "stop",
        "stream",
        "stream_options",
        "thinking",
        "tool_choice",
        "tools",
    }
)

# Tokens of thinking by effort.
BUDGETS: Mapping[str, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
}


def generate_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """Gemini's request for what a caller asks; fields unknown to OpenAI pass as they are.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    chat.refuse(body, REFUSED, PROVIDER)
    if body.get("parallel_tool_calls") is False:
        raise BadRequest(
            f"Parameter 'parallel_tool_calls' cannot be false: provider {PROVIDER!r} may always"
            " call several tools."
        )
    request = {
        name: value
        for name, value in body.items()
        if value is not None and name not in TRANSLATED and name not in REFUSED
    }
    system, contents = _conversation(body)
    request["contents"] = contents
    if system:
        request["systemInstruction"] = {"parts": system}
    if config := _config(body):
        request["generationConfig"] = config
    request.update(_tools(body))
    return request


def _config(body: Mapping[str, Any]) -> dict[str, Any]:
    given = body.get("generationConfig")
    config: dict[str, Any] = dict(given) if isinstance(given, dict) else {}
    for name, theirs in SAMPLING.items():
        if body.get(name) is not None:
            config[theirs] = body[name]
    limit = chat.token_limit(body)
    if limit is not None:
        config["maxOutputTokens"] = limit
    if stop := chat.stops(body):
        config["stopSequences"] = stop
    kind, schema = chat.answer_schema(body)
    if kind != "text":
        config["responseMimeType"] = "application/json"
    if kind == "json_schema":
        config["responseJsonSchema"] = schema
    if (thinking := _thinking(body)) is not None:
        config["thinkingConfig"] = thinking
    return config


def _thinking(body: Mapping[str, Any]) -> dict[str, Any] | None:
    given = body.get("thinking")
    if isinstance(given, dict):
        if given.get("type") == "disabled":
            return {"thinkingBudget": 0}
        budget = given.get("budget_tokens")
        return {"includeThoughts": True} | ({} if budget is None else {"thinkingBudget": budget})
    if given is not None:
        raise BadRequest("Field 'thinking' must be an object.")
    effort = body.get("reasoning_effort")
    if effort is None:
        return None
    if not isinstance(effort, str) or effort not in BUDGETS:
        raise BadRequest(f"Field 'reasoning_effort' must be one of {', '.join(BUDGETS)}.")
    return {"thinkingBudget": BUDGETS[effort]}


def _conversation(body: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The system's parts and the turns; results of tools that follow each other are one turn."""
    system: list[dict[str, Any]] = []
    contents: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    after_result = False
    for message in chat.messages(body):
        if message.role in {"system", "developer"}:
            system += parts(message)
            continue
        is_result = message.role == "tool"
        if is_result and after_result:
            contents[-1]["parts"].append(result_part(message, names))
        elif is_result:
            contents.append({"role": "user", "parts": [result_part(message, names)]})
        elif message.role == "user":
            contents.append({"role": "user", "parts": parts(message)})
        else:
            names.update((call.id, call.name) for call in chat.tool_calls(message))
            contents.append({"role": "model", "parts": answer_parts(message)})
        after_result = is_result
    return system, contents


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    functions, others = chat.functions(body)
    request: dict[str, Any] = {}
    if functions:
        request["tools"] = [{"functionDeclarations": [_declaration(each) for each in functions]}]
        choice = body.get("tool_choice")
        if choice is not None:
            request["toolConfig"] = {"functionCallingConfig": _choice(choice)}
    if others:  # tools of Google's own, such as its search
        request["tools"] = [*request.get("tools", []), *others]
    return request


def _declaration(function: chat.Function) -> dict[str, Any]:
    declared = {
        "name": function.name,
        "description": function.value.get("description"),
        "parametersJsonSchema": function.value.get("parameters"),
    }
    return {name: value for name, value in declared.items() if value is not None}


def _choice(choice: object) -> dict[str, Any]:
    if isinstance(choice, str) and choice in _MODES:
        return {"mode": _MODES[choice]}
    return {"mode": "ANY", "allowedFunctionNames": [chat.chosen_function(choice)]}


_MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY"}
