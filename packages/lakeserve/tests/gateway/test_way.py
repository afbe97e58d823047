"""How a target is reached."""

import pytest
from gateway.stage import target
from lakeserve.core.endpoints import Address
from lakeserve.gateway.attempt_failure import AttemptFailed
from lakeserve.gateway.way import Way
from lakeserve.providers.base import UpstreamRequest

THERE = Address(host="a.test", port=81)


def test_each_request_gets_its_own_head() -> None:
    way = Way(target("a", THERE, provider="openai"))
    first = way.payload(UpstreamRequest("/x", (("authorization", "1"),), b"{}"))
    assert first.startswith(b"POST /x HTTP/1.1\r\nhost: a.test:81\r\n")
    assert first.endswith(b"authorization: 1\r\ncontent-length: 2\r\n\r\n{}")
    other = way.payload(UpstreamRequest("/x", (("authorization", "2"),), b"{ }"))
    assert other.endswith(b"authorization: 2\r\ncontent-length: 3\r\n\r\n{ }")
    assert way.payload(UpstreamRequest("/y", (), b"")).startswith(b"POST /y ")


def test_what_cannot_be_sent() -> None:
    way = Way(target("a", THERE, provider="openai"))
    with pytest.raises(AttemptFailed, match="line break") as caught:
        way.payload(UpstreamRequest("/x", (("authorization", "a\nb"),), b""))
    assert caught.value.is_final
    with pytest.raises(AttemptFailed, match="nobody"):
        Way(target("a", THERE, provider="nobody"))


def test_a_worker_that_was_started_elsewhere() -> None:
    way = Way(target("a", None), Address(uds="/w"))
    assert way.payload(UpstreamRequest("/x", (), b"")).startswith(
        b"POST /x HTTP/1.1\r\nhost: local"
    )
    with pytest.raises(AttemptFailed, match="no address"):
        Way(target("a", None)).payload(UpstreamRequest("/x", (), b""))
