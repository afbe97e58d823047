"""Every vendor at one address of loopback, each under a path of its own and strict."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

import orjson
from gateway.strict_upstream import (
    LAST_CHUNK,
    Seen,
    Step,
    StrictUpstream,
    chunk,
    chunked_head,
    whole,
)
from providers import (
    ai21_schema,
    anthropic_schema,
    aws_signature,
    bedrock_schema,
    cohere_schema,
    openai_schema,
    palm_schema,
    vertex_schema,
)
from token_services import TokenService
from vendors import (
    amazon_vendor,
    anthropic_vendor,
    cohere_vendor,
    google_vendor,
    openai_vendor,
)

KEY = "sk-vendor-very-secret"
AWS_ID, AWS_SECRET, AWS_REGION = "AKIAVENDOR", "aws-very-secret", "us-east-1"
API_VERSION = "2025-04-01-preview"
DEPLOYMENT = "my-gpt"

Refused = tuple[int, bytes] | None
Reply = bytes | list[bytes]


@dataclass
class Street:
    """What stands there.

    Attributes:
        google: Gives out tokens for Vertex AI.
        entra: Gives out tokens for Azure.
        url: Of the whole street.
        seen: Requests that were answered, by vendor.
    """

    google: TokenService
    entra: TokenService
    url: str = ""

    def __post_init__(self) -> None:
        self.upstream = StrictUpstream(self._script)
        self.refused: list[bytes] = []

    def _script(self, seen: Seen) -> list[Step]:
        _, name, *rest = seen.target.split("/", 2)
        path = "/" + "".join(rest)
        vendor = VENDORS.get(name)
        if vendor is None:
            return [whole(404, b'{"error": "no such vendor"}')]
        wrong = vendor.refusal(self, path, seen)
        if wrong is not None:
            self.refused.append(wrong[1])
            return [whole(*wrong)]
        reply = vendor.reply(path.partition("?")[0], seen)
        if isinstance(reply, bytes):
            return [whole(200, reply)]
        head = chunked_head(vendor.stream_type)
        return [head, *(chunk(part) for part in reply), LAST_CHUNK]


@dataclass(frozen=True)
class Vendor:
    """One vendor: what it refuses, and what it answers."""

    refusal: Callable[[Street, str, Seen], Refused]
    reply: Callable[[str, Seen], Reply]
    stream_type: str = "text/event-stream"


def _bearer(seen: Seen) -> str:
    return seen.headers.get("authorization", "").removeprefix("Bearer ")


def _openai(street: Street, path: str, seen: Seen) -> Refused:
    if _bearer(seen) != KEY:
        return 401, openai_schema.error("Incorrect API key provided", "invalid_request_error")
    return openai_schema.refusal(path.removeprefix("/v1"), seen.headers, seen.body)


def _azure(street: Street, path: str, seen: Seen) -> Refused:
    path, _, query = path.partition("?")
    if query != f"api-version={API_VERSION}":
        return 404, openai_schema.error("Resource not found", "404")
    key, token = seen.headers.get("api-key"), seen.headers.get("authorization")
    is_known = key == KEY if token is None else street.entra.accepts(token)
    if not is_known or (key is not None and token is not None):
        return 401, openai_schema.error("Access denied due to invalid subscription key", "401")
    if path == "/openai/responses":
        if seen.json().get("model") != DEPLOYMENT:
            return 404, openai_schema.error("The API deployment does not exist", "404")
        return openai_schema.content_refusal("/responses", seen.body, has_model=True)
    prefix = f"/openai/deployments/{DEPLOYMENT}"
    if not path.startswith(prefix + "/"):
        return 404, openai_schema.error("The API deployment does not exist", "404")
    return openai_schema.content_refusal(path.removeprefix(prefix), seen.body, has_model=False)


def _azure_reply(path: str, seen: Seen) -> Reply:
    path = path.removeprefix("/openai").removeprefix(f"/deployments/{DEPLOYMENT}")
    return openai_vendor.reply(path, seen.json())


def _custom(street: Street, path: str, seen: Seen) -> Refused:
    if path != "/ask/me?x=1":
        return 404, b'{"error": "not here"}'
    if seen.headers.get("x-my-key") != KEY or "authorization" in seen.headers:
        return 403, b'{"error": "who are you?"}'
    return openai_schema.content_refusal("/chat/completions", seen.body, has_model=True)


def _databricks(street: Street, path: str, seen: Seen) -> Refused:
    if _bearer(seen) != KEY:
        return 403, b'{"error_code": "PERMISSION_DENIED", "message": "Invalid access token."}'
    if path not in DATABRICKS:
        return 404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such endpoint"}'
    return openai_schema.content_refusal(DATABRICKS[path], seen.body, has_model=False)


DATABRICKS = {
    "/serving-endpoints/remote-chat/invocations": "/chat/completions",
    "/serving-endpoints/remote-text/invocations": "/completions",
    "/serving-endpoints/remote-vectors/invocations": "/embeddings",
}


def _databricks_reply(path: str, seen: Seen) -> Reply:
    body = seen.json()
    if body.get("stream"):  # built-in models send usage unasked
        body["stream_options"] = {"include_usage": True}
    return openai_vendor.reply(DATABRICKS[path], body)


def _anthropic(street: Street, path: str, seen: Seen) -> Refused:
    if seen.headers.get("x-api-key") != KEY:
        return 401, b'{"type": "error", "error": {"type": "authentication_error"}}'
    return anthropic_schema.refusal(path.removeprefix("/v1"), seen.headers, seen.body)


def _anthropic_reply(path: str, seen: Seen) -> Reply:
    return anthropic_vendor.reply(seen.json())


def _cohere(street: Street, path: str, seen: Seen) -> Refused:
    if _bearer(seen) != KEY:
        return 401, b'{"message": "invalid api token"}'
    return cohere_schema.refusal(path, seen.headers, seen.body)


def _cohere_reply(path: str, seen: Seen) -> Reply:
    return cohere_vendor.reply(path, seen.json())


def _bedrock(street: Street, path: str, seen: Seen) -> Refused:
    why = aws_signature.wrong(seen.target, seen.headers, seen.body, AWS_ID, AWS_SECRET, AWS_REGION)
    if why is not None:
        return 403, bedrock_schema.error(why)
    return bedrock_schema.refusal(path, seen.headers, seen.body)


def _bedrock_reply(path: str, seen: Seen) -> Reply:
    return amazon_vendor.reply(unquote(path), seen.json())


VERTEX_BASE = "/v1/projects/my-project/locations/us-central1"


def _vertex(street: Street, path: str, seen: Seen) -> Refused:
    if not street.google.accepts(seen.headers.get("authorization", "")):
        return 401, b'{"error": {"code": 401, "status": "UNAUTHENTICATED"}}'
    if not path.startswith(VERTEX_BASE):
        return 404, b'{"error": {"code": 404, "status": "NOT_FOUND"}}'
    return vertex_schema.refusal(path.removeprefix(VERTEX_BASE), seen.headers, seen.body)


def _vertex_reply(path: str, seen: Seen) -> Reply:
    return google_vendor.reply(path.removeprefix(VERTEX_BASE), seen.json())


def _ai21(street: Street, path: str, seen: Seen) -> Refused:
    if _bearer(seen) != KEY:
        return 401, b'{"detail": "Forbidden: Bad or missing API token."}'
    return ai21_schema.refusal(path, seen.headers, seen.body)


def _palm(street: Street, path: str, seen: Seen) -> Refused:
    if seen.headers.get("x-goog-api-key") != KEY:
        return 400, palm_schema.error(400, "INVALID_ARGUMENT", "API key not valid.")
    return palm_schema.refusal(path, seen.headers, seen.body)


def _acme(street: Street, path: str, seen: Seen) -> Refused:
    if seen.headers.get("x-acme-key") != KEY or seen.headers.get("x-acme-team") != "blue":
        return 401, b'{"error": "who are you?"}'
    return openai_schema.content_refusal(path, seen.body, has_model=True)


VENDORS: Mapping[str, Vendor] = {
    "acme": Vendor(_acme, lambda path, seen: openai_vendor.reply(path, seen.json())),
    "openai": Vendor(
        _openai, lambda path, seen: openai_vendor.reply(path.removeprefix("/v1"), seen.json())
    ),
    "azure": Vendor(_azure, _azure_reply),
    "custom": Vendor(
        _custom, lambda path, seen: openai_vendor.reply("/chat/completions", seen.json())
    ),
    "databricks": Vendor(_databricks, _databricks_reply),
    "anthropic": Vendor(_anthropic, _anthropic_reply),
    "cohere": Vendor(_cohere, _cohere_reply),
    "bedrock": Vendor(_bedrock, _bedrock_reply, "application/vnd.amazon.eventstream"),
    "vertex": Vendor(_vertex, _vertex_reply),
    "ai21": Vendor(_ai21, lambda path, seen: amazon_vendor.ai21_reply(seen.json())),
    "palm": Vendor(_palm, lambda path, seen: google_vendor.palm_reply(path, seen.json())),
}


@contextmanager
def open_street(google: TokenService, entra: TokenService) -> Iterator[Street]:
    """The street, served by a thread of its own until the end."""
    street = Street(google, entra)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        listening = asyncio.run_coroutine_threadsafe(street.upstream.listen_tcp(), loop)
        street.url = f"http://127.0.0.1:{listening.result(10).port}"
        yield street
    finally:
        asyncio.run_coroutine_threadsafe(street.upstream.aclose(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def plain(name: str, **fields: str) -> dict[str, str]:
    """A configuration whose secret is the key of every vendor that takes one."""
    return {f"{name}_plaintext": KEY, **fields}


def json_text(value: object) -> str:
    return orjson.dumps(value).decode()
