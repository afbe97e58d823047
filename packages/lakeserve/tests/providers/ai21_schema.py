"""What AI21's completions accept, strictly.

Source: AI21 Studio's API reference, "Jurassic-2 Complete API".
"""

from collections.abc import Mapping
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel


class Complete(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)

    prompt: Annotated[str, Field(min_length=1)]
    num_results: Annotated[int, Field(ge=1, le=16)] | None = None
    max_tokens: int | None = None
    min_tokens: int | None = None
    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: float | None = None
    top_k_return: int | None = None
    stop_sequences: list[str] | None = None


def refusal(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes] | None:
    """What AI21 answers to a request that it does not accept."""
    if not path.endswith("/complete") or path.count("/") != 2:
        return 404, orjson.dumps({"detail": "Not Found"})
    if not headers.get("authorization", "").startswith("Bearer "):
        return 401, orjson.dumps({"detail": "Forbidden: Bad or missing API token."})
    try:
        Complete.model_validate_json(body)
    except ValidationError as wrong:
        return 422, orjson.dumps({"detail": str(wrong.errors()[0])})
    return None
