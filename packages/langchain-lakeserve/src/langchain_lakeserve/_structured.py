"""Structured output: what to ask for, and how to read the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Literal, TypeAlias

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    PydanticToolsParser,
)
from langchain_core.runnables import (
    Runnable,
    RunnableGenerator,
    RunnableMap,
    RunnablePassthrough,
)
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

from langchain_lakeserve._json import JSONObject
from langchain_lakeserve._schemas import plain_schema

Method: TypeAlias = Literal["function_calling", "json_mode", "json_schema"]
Schema: TypeAlias = "Mapping[str, Any] | type"


@dataclass(frozen=True)
class Plan:
    """How to obtain one kind of structured output."""

    method: Method
    schema: Schema | None
    strict: bool | None
    parser: Runnable[Any, Any]

    @property
    def tool_name(self) -> str:
        """Name of the only tool, with the method function_calling."""
        name: str = convert_to_openai_tool(self.schema or {})["function"]["name"]
        return name

    def response_format(self) -> JSONObject:
        """Return the format to ask for, with the JSON methods."""
        if self.method == "json_mode" or self.schema is None:
            return {"type": "json_object"}
        return response_format(self.schema, self.strict)

    def traced(self) -> JSONObject:
        """Return what LangChain reports to callbacks."""
        kwargs: JSONObject = {"method": self.method}
        if self.strict is not None:
            kwargs["strict"] = self.strict
        return {"kwargs": kwargs, "schema": self.schema}


def plan(schema: Schema | None, method: str, strict: bool | None) -> Plan:
    """Choose the parser for a schema and a method.

    Raises:
        ValueError: The method is unknown, or needs a schema, or cannot be strict.
    """
    if method not in {"function_calling", "json_mode", "json_schema"}:
        raise ValueError(
            f"method must be 'function_calling', 'json_mode' or 'json_schema', not {method!r}"
        )
    if schema is None and method != "json_mode":
        raise ValueError(f"method {method!r} needs a schema")
    if method == "function_calling":
        return Plan("function_calling", schema, strict, _tool_parser(schema or {}))
    parser: Runnable[Any, Any]
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        parser = PydanticOutputParser(pydantic_object=schema)
    else:
        parser = JsonOutputParser()
    return Plan(
        "json_mode" if method == "json_mode" else "json_schema",
        schema,
        strict,
        _after_refusal(parser),
    )


def response_format(schema: Schema, strict: bool | None) -> JSONObject:
    """Return the `response_format` that asks for a schema."""
    if isinstance(schema, Mapping) and schema.get("type") in {"json_schema", "json_object"}:
        return dict(schema)
    if isinstance(schema, Mapping) and "schema" in schema and "name" in schema:
        described = dict(schema)
        if strict is not None:
            described["strict"] = strict
        return {"type": "json_schema", "json_schema": described}
    exact = strict is not False
    tool = convert_to_openai_tool(schema, strict=exact)["function"]
    described = {
        "name": tool["name"],
        "schema": plain_schema(dict(tool.get("parameters") or {"type": "object"})),
        "strict": exact,
    }
    if tool.get("description"):
        described["description"] = tool["description"]
    return {"type": "json_schema", "json_schema": described}


def with_raw(model: Runnable[Any, Any], parser: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """Return raw message, parsed value and parsing error side by side."""
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=model) | parsed.with_fallbacks([failed], exception_key="parsing_error")


def _tool_parser(schema: Schema) -> Runnable[Any, Any]:
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    name = convert_to_openai_tool(schema)["function"]["name"]
    return JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


def _after_refusal(parser: Runnable[Any, Any]) -> Runnable[Any, Any]:
    # A generator, not a lambda: chunks pass one by one, so partial JSON still streams.
    return RunnableGenerator(_unless_refused, _aunless_refused) | parser


def _unless_refused(messages: Iterator[AIMessage]) -> Iterator[AIMessage]:
    refusal = ""
    for message in messages:
        refusal += message.additional_kwargs.get("refusal") or ""
        yield message
    _raise_refusal(refusal)


async def _aunless_refused(messages: AsyncIterator[AIMessage]) -> AsyncIterator[AIMessage]:
    refusal = ""
    async for message in messages:
        refusal += message.additional_kwargs.get("refusal") or ""
        yield message
    _raise_refusal(refusal)


def _raise_refusal(refusal: str) -> None:
    if refusal:
        raise OutputParserException(f"the model refused: {refusal}", llm_output=refusal)
