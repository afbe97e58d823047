"""The chat template, and the Python form of the conversations that it renders."""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

JsonObject = dict[str, Any]

# ChatML with Hermes style tool calls. It keeps to the part of Jinja that inference
# engines with their own Jinja interpreter understand.
CHAT_TEMPLATE = r"""{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\n\n' }}
    {%- endif %}
    {{- '# Tools\n\nThese functions are available:\n<tools>' }}
    {%- for tool in tools %}
        {{- '\n' }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- '\n</tools>\n\nTo call a function, write its name and arguments as JSON:\n' }}
    {{- '<tool_call>\n{"name": <name>, "arguments": <object>}\n</tool_call><|im_end|>\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
    {%- elif message.role == 'assistant' %}
        {{- '<|im_start|>assistant' }}
        {%- if message.content %}
            {{- '\n' + message.content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if tool_call.function %}
                    {%- set tool_call = tool_call.function %}
                {%- endif %}
                {{- '\n<tool_call>\n{"name": "' + tool_call.name + '", "arguments": ' }}
                {%- if tool_call.arguments is string %}
                    {{- tool_call.arguments }}
                {%- else %}
                    {{- tool_call.arguments | tojson }}
                {%- endif %}
                {{- '}\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}
            {{- '<|im_end|>\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}"""


@dataclass(frozen=True)
class ToolCall:
    """A call of one function with its arguments."""

    name: str
    arguments: JsonObject


@dataclass(frozen=True)
class Turn:
    """One message of a conversation.

    `learn` says whether an assistant turn counts for the loss. `given` is the beginning
    of its content that an answer grammar would force, and that is therefore not learnt.
    """

    role: str
    content: str = ""
    calls: tuple[ToolCall, ...] = ()
    learn: bool = True
    given: str = ""

    def message(self) -> JsonObject:
        """Return the turn as a message of the chat completions interface."""
        message: JsonObject = {"role": self.role, "content": self.content}
        if self.calls:
            message["tool_calls"] = [
                {"type": "function", "function": {"name": c.name, "arguments": c.arguments}}
                for c in self.calls
            ]
        return message


@dataclass(frozen=True)
class Conversation:
    """Turns in order, and the definitions of the tools that the model may call."""

    turns: tuple[Turn, ...]
    tools: tuple[JsonObject, ...] = field(default=())

    def messages(self) -> list[JsonObject]:
        """Return all turns as messages of the chat completions interface."""
        return [turn.message() for turn in self.turns]


def dump_json(value: object, **_options: object) -> str:
    """Return `value` as one line of JSON, with characters beyond ASCII left as they are."""
    return json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=1)
def compiled_template() -> Template:
    """Return the chat template, compiled once."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = dump_json
    return environment.from_string(CHAT_TEMPLATE)


def render(conversation: Conversation, *, answer_next: bool = False) -> str:
    """Return the text of a conversation as the model reads it.

    With `answer_next` the text ends with the opening of an assistant turn.
    """
    return compiled_template().render(
        messages=conversation.messages(),
        tools=list(conversation.tools),
        add_generation_prompt=answer_next,
    )
