"""Sizes of answers in the words of those who invented them."""

import pytest
from lakeserve.gateway.native_sizes import asked_characters, native_size
from lakeserve.providers.base import Operation

MESSAGES = (
    b'event: message_start\ndata: {"message":{"usage":{"input_tokens":11,"output_tokens":1,'
    b'"cache_read_input_tokens":2}}}\n\n'
    b'data: {"delta":{"type":"text_delta","text":"Hi "}}\n\ndata: {"delta":{"text":"you"}}\n\n'
    b'data: {"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}\n\n'
)
RESPONSE = (
    b'{"output":[{"content":[{"text":"Hi you"}]}],"usage":{"input_tokens":3,"output_tokens":4}}'
)


@pytest.mark.parametrize(
    ("operation", "data", "size"),
    [
        ("messages", MESSAGES, (13, 7, 6)),
        ("messages", b'{"content":[{"text":"Hi"}],"usage":{"input_tokens":1}}', (1, 0, 2)),
        ("responses", RESPONSE, (3, 4, 6)),
        (
            "responses",
            b'data: {"delta":"Hi"}\n\ndata: {"response":' + RESPONSE + b"}\n\ndata: [DONE]\n\n",
            (3, 4, 6),
        ),
        (
            "generate",
            b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}\n\n'
            b'data: {"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1,'
            b'"thoughtsTokenCount":2}}\n\n',
            (5, 3, 1),
        ),
        ("generate", b"{", (2, 0, 0)),
        ("messages", b"data: {\n\ndata: 3\n\n", (2, 0, 0)),
    ],
)
def test_sizes(operation: Operation, data: bytes, size: tuple[int, int, int]) -> None:
    assert tuple(native_size(operation, data, 8)) == size


def test_characters_of_requests() -> None:
    assert asked_characters({"input": "abc", "instructions": "de"}) == 5
    assert asked_characters({"messages": [{"content": [{"text": "abc"}, {"type": "x"}]}]}) == 3
    assert asked_characters({"contents": [{"parts": [{"text": "ab"}]}], "model": "xxx"}) == 2
    deep: object = "x"
    for _ in range(1000):
        deep = [deep]
    assert asked_characters({"input": deep}) == 0
