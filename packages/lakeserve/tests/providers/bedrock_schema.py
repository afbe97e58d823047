"""What Amazon Bedrock accepts, strictly: a field that it does not document is an error.

Converse is checked against AWS's own description of the service, which botocore carries; the
bodies of InvokeModel are those of the user guide, "Inference request parameters".
"""

import functools
import itertools
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import orjson
from botocore.loaders import Loader
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

NonEmpty = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Camel(Strict):
    model_config = ConfigDict(alias_generator=to_camel)


class TitanConfig(Camel):
    temperature: float | None = None
    top_p: float | None = None
    max_token_count: int | None = None
    stop_sequences: list[str] | None = None


class TitanText(Camel):
    input_text: NonEmpty
    text_generation_config: TitanConfig | None = None


class ClaudeText(Strict):
    anthropic_version: Literal["bedrock-2023-05-31"] | None = None
    prompt: Annotated[str, Field(pattern=r"^\n\nHuman:(.|\n)*\n\nAssistant:")]
    max_tokens_to_sample: int
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None


class CommandText(Strict):
    prompt: NonEmpty
    temperature: float | None = None
    p: float | None = None
    k: float | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] | None = None


class Jurassic(Camel):
    prompt: NonEmpty
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] | None = None


class TitanEmbed(Camel):
    input_text: NonEmpty
    dimensions: Literal[256, 512, 1024] | None = None
    normalize: bool | None = None


class CohereEmbed(Strict):
    texts: Annotated[list[str], Field(min_length=1, max_length=96)]
    input_type: Literal["search_document", "search_query", "classification", "clustering"]
    truncate: Literal["NONE", "START", "END"] | None = None
    output_dimension: int | None = None


BODIES: Mapping[str, type[Strict]] = {
    "amazon.titan-text": TitanText,
    "anthropic.claude-v2": ClaudeText,
    "cohere.command-text": CommandText,
    "ai21.j2": Jurassic,
    "amazon.titan-embed": TitanEmbed,
    "cohere.embed": CohereEmbed,
}

OPERATIONS = {
    "converse": "ConverseRequest",
    "converse-stream": "ConverseStreamRequest",
    "invoke": "",
    "invoke-with-response-stream": "",
}


@functools.cache
def shapes() -> dict[str, Any]:
    """AWS's description of every type."""
    model: dict[str, Any] = Loader().load_service_model("bedrock-runtime", "service-2")
    found: dict[str, Any] = model["shapes"]
    return found


class Wrong(Exception):
    """A value does not fit its type."""


def check(name: str, value: Any, where: str) -> None:
    """Raise unless a value fits a type of AWS's description."""
    shape = shapes()[name]
    kind = shape["type"]
    if shape.get("document"):
        return
    if kind == "structure":
        _check_structure(shape, value, where)
    elif kind == "list":
        _expect(isinstance(value, list), where, "a list")
        _expect(shape.get("min", 0) <= len(value) <= shape.get("max", 10**9), where, "its length")
        for number, item in enumerate(value):
            check(shape["member"]["shape"], item, f"{where}[{number}]")
    elif kind == "map":
        _expect(isinstance(value, dict), where, "a map")
        for key, item in value.items():
            check(shape["key"]["shape"], key, where)
            check(shape["value"]["shape"], item, f"{where}.{key}")
    elif kind in {"string", "blob"}:
        _check_string(shape, value, where)
    elif kind in {"integer", "long", "float", "double"}:
        _expect(isinstance(value, int | float) and not isinstance(value, bool), where, "a number")
        _expect(shape.get("min", value) <= value <= shape.get("max", value), where, "in range")
    elif kind == "boolean":
        _expect(isinstance(value, bool), where, "a boolean")


def _check_structure(shape: dict[str, Any], value: Any, where: str) -> None:
    _expect(isinstance(value, dict), where, "an object")
    members = shape["members"]
    unknown = set(value) - set(members)
    _expect(not unknown, where, f"without {sorted(unknown)}")
    missing = set(shape.get("required", ())) - set(value)
    missing = {m for m in missing if members[m].get("location") != "uri"}
    _expect(not missing, where, f"with {sorted(missing)}")
    if shape.get("union"):
        _expect(len(value) == 1, where, "exactly one member")
    for name, item in value.items():
        check(members[name]["shape"], item, f"{where}.{name}")


def _check_string(shape: dict[str, Any], value: Any, where: str) -> None:
    _expect(isinstance(value, str), where, "a string")
    if shape["type"] == "blob":
        return
    _expect("enum" not in shape or value in shape["enum"], where, f"one of {shape.get('enum')}")
    _expect(shape.get("min", 0) <= len(value) <= shape.get("max", 10**9), where, "its length")
    if "pattern" in shape and where.endswith(("Id", "name")):
        _expect(bool(re.fullmatch(shape["pattern"], value)), where, shape["pattern"])


def _expect(fits: bool, where: str, what: str) -> None:
    if not fits:
        raise Wrong(f"{where} must be {what}")


def _turns(body: dict[str, Any]) -> None:
    """Turns alternate, hold no blank text, and answer each call at once."""
    roles = [message["role"] for message in body.get("messages", [])]
    _expect(all(a != b for a, b in itertools.pairwise(roles)), "messages", "alternating")
    _expect(roles[:1] == ["user"], "messages", "begun by the user")
    calls: set[str] = set()
    for message in body.get("messages", []):
        blocks = message["content"]
        _expect(bool(blocks), "content", "given")
        _expect(all(b.get("text", "x") != "" for b in blocks), "text", "not blank")
        results = {b["toolResult"]["toolUseId"] for b in blocks if "toolResult" in b}
        _expect(results == calls, "toolResult", f"for {calls}")
        calls = {b["toolUse"]["toolUseId"] for b in blocks if "toolUse" in b}
        if calls:
            _expect("toolConfig" in body, "toolConfig", "given when there are calls")


def refusal(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes] | None:
    """What Bedrock answers to a request that it does not accept, its signature apart."""
    parts = path.split("/")
    if len(parts) != 4 or parts[1] != "model" or parts[3] not in OPERATIONS:
        return 404, error("UnknownOperationException")
    value = orjson.loads(body)
    try:
        if OPERATIONS[parts[3]]:
            check(OPERATIONS[parts[3]], value, "body")
            _turns(value)
        else:
            name = next(name for name in BODIES if name in unquote(parts[2]))
            BODIES[name].model_validate_json(body)
    except Wrong as wrong:
        return 400, error(str(wrong))
    except ValidationError as wrong:
        return 400, error(str(wrong.errors()[0]))
    return None


def error(message: str) -> bytes:
    return orjson.dumps({"message": message})
