"""Reading a caller's completion request for a vendor with a protocol of its own. Pure.

The request is OpenAI's (their API reference, "Create completion"). Errors name the field.
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_request as chat

# Values that ask for what happens anyway.
NEUTRAL: Mapping[str, object] = {"best_of": 1, "echo": False, "suffix": ""}

# Parameters that the interfaces of older models for bare prompts have no counterpart of.
SELDOM_KNOWN = (
    "best_of",
    "echo",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "presence_penalty",
    "seed",
    "suffix",
)


def refuse(body: Mapping[str, Any], names: tuple[str, ...], provider: str) -> None:
    """Refuse parameters that the vendor has no counterpart of, unless they change nothing.

    Raises:
        BadRequest: It names the first of them.
    """
    changing = {
        name: value for name, value in body.items() if name not in NEUTRAL or value != NEUTRAL[name]
    }
    chat.refuse(changing, names, provider)


def single_prompt(body: Mapping[str, Any]) -> str:
    """The only prompt of a request.

    Raises:
        BadRequest: There are several, or it is no text.
    """
    prompt = body["prompt"]
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise BadRequest("Field 'prompt' must be a string or a list of one string here.")
    return prompt
