from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.reconcile.credentials.aws import AwsSignatures
from providers import aws_signature

KEY_ID, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-west-1"
SIGNATURES = AwsSignatures(KEY_ID, SECRET, REGION)
URL = "http://127.0.0.1:8080/model/anthropic.claude-v2%3A1/converse"


async def judged(url: str, body: bytes, sent: bytes, secret: str = SECRET) -> str | None:
    """What a strict server says of a signed request."""
    headers = dict(await SIGNATURES.headers(url, body))
    parts = urlsplit(url)
    headers |= {"host": parts.netloc, "content-type": "application/json"}
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return aws_signature.wrong(target, headers, sent, KEY_ID, secret, REGION)


async def test_signed_requests_are_accepted() -> None:
    assert await judged(URL, b'{"a":1}', b'{"a":1}') is None


@given(st.text("abz019.:-_/%+~ä ", max_size=30), st.binary(max_size=50))
async def test_any_model_and_any_body(model: str, body: bytes) -> None:
    name = quote(f"m{model}", safe="")
    url = f"https://bedrock-runtime.eu-west-1.amazonaws.com/model/{name}/invoke"
    assert await judged(url, body, body) is None


async def test_changed_bodies_and_foreign_keys_are_not() -> None:
    assert await judged(URL, b"a", b"b") is not None
    assert await judged(URL, b"a", b"a", "another") is not None


async def test_the_connection_writes_host_and_content_type() -> None:
    names = {name for name, _ in await SIGNATURES.headers(URL, b"")}
    assert names == {"authorization", "x-amz-date"}


def test_the_key_is_concealed() -> None:
    assert SIGNATURES.conceal(f"{KEY_ID} and {SECRET}") == "[REDACTED] and [REDACTED]"


@pytest.mark.parametrize("header", ["", "Bearer x"])
def test_the_strict_server_wants_a_signature(header: str) -> None:
    headers = {"authorization": header}
    assert aws_signature.wrong("/", headers, b"", KEY_ID, SECRET, REGION) is not None
