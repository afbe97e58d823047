"""Every call that the OpenAPI document describes, with what fits it and what does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import schemathesis
from harness import PlatformProcess, start_platform
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = 5
# A fault of the platform is a 500, which is documented nowhere.
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
ENDPOINTS = "/api/2.0/serving-endpoints"
# Named in paths and bodies, so that calls get further than "there is no such thing".
KNOWN = {
    "name": ["mine", "databricks-dbrx-instruct", "nothing"],
    "model": ["mine", "databricks-dbrx-instruct", "nothing"],
    "entity": ["gpt", "other"],
    "scope": ["scope", "other"],
    "key": ["key", "other"],
    "account_id": ["1001", "7"],
}
EAGER = ("dbrx-instruct", "meta-llama-3-70b-instruct", "bge-large-en")


class Vendor(BaseHTTPRequestHandler):
    """Answers every question with one word."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = {"role": "assistant", "content": "yes"}
        choice: dict[str, Any] = {"index": 0, "text": "yes", "finish_reason": "stop"}
        if asked.get("stream"):
            event = json.dumps({"choices": [{**choice, "delta": message}]})
            self._send("text/event-stream", f"data: {event}\n\ndata: [DONE]\n\n")
            return
        vectors = [{"index": 0, "embedding": [0.5]}]
        answer = {"choices": [{**choice, "message": message}], "data": vectors, "output": []}
        self._send("application/json", json.dumps(answer))

    def _send(self, media_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory, vendor: str) -> Iterator[PlatformProcess]:
    """A platform without a worker of its own."""
    options = [f"--foundation=databricks-{name}={vendor}" for name in EAGER]
    platform = start_platform(tmp_path_factory.mktemp("described") / "data", *options)
    try:
        yield platform
    finally:
        platform.stop()


def make_endpoint(platform: PlatformProcess, vendor: str) -> None:
    """With its secret; there may be one already."""
    platform.request("POST", "/api/2.0/secrets/scopes/create", {"scope": "scope"})
    secret = {"scope": "scope", "key": "key", "string_value": "sk"}
    platform.request("POST", "/api/2.0/secrets/put", secret)
    model = {
        "name": "gpt",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {
            "openai_api_base": vendor,
            "openai_api_key": "{{secrets/scope/key}}",
        },
    }
    config = {"served_entities": [{"name": "gpt", "external_model": model}]}
    platform.request("POST", ENDPOINTS, {"name": "mine", "config": config})


def document(platform: PlatformProcess) -> dict[str, Any]:
    """The document as it is served, with names that exist among those that paths may hold."""
    raw: dict[str, Any] = platform.request("GET", "/openapi.json").json()
    endpoint_id = platform.request("GET", f"{ENDPOINTS}/mine").json()["id"]
    known = {**KNOWN, "object_id": [endpoint_id, "0" * 32]}
    for operations in raw["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in known:
                    parameter["schema"] = {"type": "string", "enum": known[parameter["name"]]}
    for schema in raw["components"]["schemas"].values():
        for name in ("model", "scope", "key"):
            if schema.get("properties", {}).get(name, {}).get("type") == "string":
                schema["properties"][name] = {"type": "string", "enum": known[name]}
    return raw


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_answer_is_undocumented(
    described: PlatformProcess, vendor: str, mode: GenerationMode
) -> None:
    make_endpoint(described, vendor)
    schema = schemathesis.openapi.from_dict(document(described))
    schema.config.generation.update(modes=[mode])
    count = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        make_endpoint(described, vendor)
        if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
            continue
        check_operation(described, operation, mode)
        count += 1
    assert count > 20


def check_operation(platform: PlatformProcess, operation: Any, mode: GenerationMode) -> None:
    @settings(
        max_examples=1 if "Not built" in operation.definition.raw["summary"] else EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case[Any]) -> None:
        headers = {"authorization": f"Bearer {platform.token}"}
        case.call_and_validate(platform.url, headers=headers, checks=CHECKS, timeout=60)

    check()
