"""What a client gets for each kind of mistake, from a running platform."""

import pytest
from harness import CLUSTER, PlatformProcess, Reply

CHAT = "/serving-endpoints/databricks-dbrx-instruct/invocations"
HELLO = {"messages": [{"role": "user", "content": "hello"}]}


def check(reply: Reply, status: int, error_code: str, *parts: str) -> None:
    assert (reply.status, reply.json()["error_code"]) == (status, error_code), reply.body
    assert set(reply.json()) <= {"error_code", "message", "details"}
    for part in parts:
        assert part in reply.json()["message"]


@pytest.mark.parametrize("path", [CHAT, "/api/2.0/serving-endpoints"])
def test_tokens(platform: PlatformProcess, path: str) -> None:
    method = "POST" if path == CHAT else "GET"
    body = HELLO if path == CHAT else None
    wrong = platform.request(method, path, body, {"Authorization": "Bearer dapi-wrong"})
    check(wrong, 403, "PERMISSION_DENIED", "Invalid access token.")
    none = platform.request(method, path, body, {"Authorization": ""})
    check(none, 401, "UNAUTHENTICATED")


def test_unknown_endpoint(platform: PlatformProcess) -> None:
    called = platform.request("POST", "/serving-endpoints/nobody/invocations", HELLO)
    check(called, 404, "RESOURCE_DOES_NOT_EXIST", "The given endpoint does not exist")
    listed = platform.request("GET", "/api/2.0/serving-endpoints/nobody")
    check(listed, 404, "RESOURCE_DOES_NOT_EXIST", "nobody")


def test_malformed_body(platform: PlatformProcess) -> None:
    check(platform.request("POST", CHAT, b'{"messages": ['), 400, "BAD_REQUEST", "JSON")
    check(platform.request("POST", CHAT, b"[1]"), 400, "BAD_REQUEST")
    check(platform.request("POST", CHAT, {"inputs": [1]}), 400, "BAD_REQUEST", "messages")


def test_wrong_content_type(platform: PlatformProcess) -> None:
    csv = platform.request("POST", CHAT, b"a,b\n1,2\n", {"Content-Type": "text/csv"})
    check(csv, 400, "BAD_REQUEST", "text/csv")
    odd = platform.request("POST", CHAT, HELLO, {"Content-Type": "text/json"})
    assert odd.status == 200


def test_oversized_body(platform: PlatformProcess) -> None:
    body = {"messages": [{"role": "user", "content": "x" * (4 * 1024 * 1024)}]}
    check(platform.request("POST", CHAT, body), 413, "BAD_REQUEST", "4194304")


@pytest.mark.parametrize("port", ["2999", "8001", "http"])
def test_driver_ports(platform: PlatformProcess, port: str) -> None:
    reply = platform.request("POST", f"/driver-proxy-api/o/0/{CLUSTER}/{port}/", {"prompt": "x"})
    check(reply, 400, "INVALID_PARAMETER_VALUE", "3000", "8000", port)


def test_unregistered_driver_host(platform: PlatformProcess) -> None:
    reply = platform.request("POST", "/driver-proxy-api/o/0/0000-000000-nobody/7777/", {})
    check(reply, 404, "RESOURCE_DOES_NOT_EXIST", "0000-000000-nobody")


def test_unreachable_driver_app(platform: PlatformProcess) -> None:
    reply = platform.request("POST", f"/driver-proxy-api/o/0/{CLUSTER}/3999/", {})
    check(reply, 502, "INTERNAL_ERROR", "3999")


def test_unknown_and_unbuilt_calls(platform: PlatformProcess) -> None:
    check(platform.request("GET", "/api/2.0/nothing"), 404, "ENDPOINT_NOT_FOUND", "No API found")
    check(platform.request("POST", "/api/2.0/sql/statements", {}), 501, "NOT_IMPLEMENTED", "SQL")
    check(
        platform.request(
            "POST", "/serving-endpoints/anthropic/v1/messages/count_tokens", {"model": "x"}
        ),
        501,
        "NOT_IMPLEMENTED",
        "Anthropic",
    )
