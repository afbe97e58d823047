"""Which failures count against an upstream."""

import pytest
from gateway.stage import target
from lakeserve.core.errors import BadUpstream, DeadlineExceeded, TooManyRequests, WireError
from lakeserve.gateway.attempt_failure import AttemptFailed
from lakeserve.gateway.circuit import FAILURES_TO_OPEN
from lakeserve.gateway.circuits import Circuits

VENDOR = target("v", None, provider="openai")
NONE = BadUpstream("no connection")


def after(status: int, error: WireError, provider: str = "openai") -> Circuits:
    circuits = Circuits(lambda: 100.0)
    for _ in range(FAILURES_TO_OPEN):
        circuits.failed(target("v", None, provider=provider), AttemptFailed(error, status))
    return circuits


@pytest.mark.parametrize(
    ("status", "error"),
    [(503, NONE), (529, NONE), (0, NONE), (0, DeadlineExceeded("slow"))],
)
def test_outages(status: int, error: WireError) -> None:
    with pytest.raises(AttemptFailed) as caught:
        after(status, error).check(VENDOR)
    assert caught.value.is_final
    assert caught.value.error.status == 503
    assert caught.value.error.retry_after == 1
    assert "'v' has failed 5 times" in caught.value.error.message


@pytest.mark.parametrize(("status", "error"), [(500, NONE), (429, TooManyRequests("busy"))])
def test_no_outages(status: int, error: WireError) -> None:
    after(status, error).check(VENDOR)


def test_workers_have_a_supervisor() -> None:
    after(0, NONE, "local").check(target("v", None, provider="local"))


def test_a_success_forgets() -> None:
    circuits = after(0, NONE)
    circuits.succeeded(VENDOR)
    circuits.check(VENDOR)
    after(0, NONE).check(target("other", None, provider="openai"))
