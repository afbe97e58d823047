"""In whose words an endpoint is asked for what one vendor has invented.

Where every entity's vendor has the interface itself, calls pass; the Responses API is put into the
words of a chat elsewhere, so that limits, rules and caches see a chat like any other.
"""

from lakeserve.core.ai_gateway import asks_something
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import BadRequest, NotBuilt
from lakeserve.gateway.dialects import Messages, ResponsesOverChat
from lakeserve.gateway.reply import Reply, WordedReply
from lakeserve.gateway.task import Question
from lakeserve.providers.base import Operation
from lakeserve.providers.responses_request import chat_request
from lakeserve.providers.table import PROVIDERS, THOUGHTFUL

# Operations with an inventor, and the models whose interface they are.
INVENTED: dict[Operation, str] = {
    "responses": "OpenAI's",
    "messages": "Anthropic's",
    "generate": "Google's Gemini",
}


def worded(endpoint: RoutableEndpoint, asked: Question, reply: Reply) -> tuple[Question, Reply]:
    """The question in words that each of the endpoint's entities has, and who says the answer.

    Args:
        endpoint: Who is asked.
        asked: A question by one of the invented interfaces.
        reply: How the answer travels.

    Raises:
        BadRequest: The entities do not have the interface, or a field has no counterpart.
        NotBuilt: The endpoint's rules cannot be kept there.
    """
    operation = asked.operation
    is_native = _is_native(endpoint, operation)
    if operation == "responses":
        if is_native and not _has_rules(endpoint):
            return asked, reply
        return _as_chat(endpoint, asked, reply)
    if not is_native:
        providers = ", ".join(sorted({target.provider for target in endpoint.targets}))
        raise BadRequest(
            f"Endpoint {endpoint.name!r} cannot be asked here: this interface is of"
            f" {INVENTED[operation]} models, and it is served by {providers}. Its chat answers at"
            " /serving-endpoints/chat/completions."
        )
    if _has_rules(endpoint):
        raise NotBuilt(
            f"Guardrails, which endpoint {endpoint.name!r} has, are not implemented for this"
            " interface by this server."
        )
    return asked, WordedReply(reply, Messages()) if operation == "messages" else reply


def can_be_asked(endpoint: RoutableEndpoint, operation: Operation) -> bool:
    """Whether ``worded`` lets a question by a native interface pass."""
    return _is_native(endpoint, operation) and not _has_rules(endpoint)


def _is_native(endpoint: RoutableEndpoint, operation: Operation) -> bool:
    return endpoint.endpoint_type == "EXTERNAL_MODEL" and all(
        target.provider in PROVIDERS and PROVIDERS[target.provider].speaks(target, operation)
        for target in endpoint.targets
    )


def _as_chat(endpoint: RoutableEndpoint, asked: Question, reply: Reply) -> tuple[Question, Reply]:
    thoughts = all(target.provider in THOUGHTFUL for target in endpoint.targets)
    chat = chat_request(asked.body, thoughts=thoughts)
    said = WordedReply(reply, ResponsesOverChat(asked.body))
    return Question("chat", chat, None, asked.stream), said


def _has_rules(endpoint: RoutableEndpoint) -> bool:
    wanted = endpoint.ai_gateway
    return wanted is not None and (
        asks_something(wanted.input_rules) or asks_something(wanted.output_rules)
    )
