"""W3C's own examples, and what is none."""

import pytest
from lakeserve.gateway.trace_context import is_sampled, trace_headers

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = PARENT[:-1] + b"0"


def test_what_goes_on() -> None:
    assert trace_headers({b"traceparent": PARENT}) == (("traceparent", PARENT.decode()),)
    both = {b"traceparent": UNSAMPLED, b"tracestate": b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"}
    assert trace_headers(both)[1] == ("tracestate", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")
    assert is_sampled(trace_headers({b"traceparent": PARENT}))
    assert not is_sampled(trace_headers(both))
    assert not is_sampled(())


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        b"nonsense",
        PARENT.upper(),
        PARENT + b"-more",
        b"ff" + PARENT[2:],
        PARENT.replace(b"4bf92f3577b34da6a3ce929d0e0e4736", b"0" * 32),
        PARENT.replace(b"00f067aa0ba902b7", b"0" * 16),
        PARENT.replace(b"-", b"\r\n", 1),
    ],
)
def test_what_does_not(parent: bytes) -> None:
    assert trace_headers({b"traceparent": parent, b"tracestate": b"a=b"}) == ()


@pytest.mark.parametrize("state", [b"", b"a=b\r\nx: y", b"x" * 513, b"\xff"])
def test_a_state_that_is_none_stays(state: bytes) -> None:
    assert len(trace_headers({b"traceparent": PARENT, b"tracestate": state})) == 1
