"""Which failures another attempt may mend, and when."""

import pytest
from lakeserve.core.ai_gateway import Routing
from lakeserve.core.errors import BadRequest, BadUpstream, DeadlineExceeded, Unavailable, WireError
from lakeserve.gateway.attempt_failure import AttemptFailed, may_pass, pause_s, unusable


@pytest.mark.parametrize(
    ("error", "status", "statuses", "passes"),
    [
        (BadUpstream(""), 0, (), True),
        (BadUpstream(""), 500, (), True),
        (Unavailable(""), 429, (), True),
        (BadRequest(""), 400, (), False),
        (BadRequest(""), 400, (400,), True),
        (BadUpstream(""), 500, (400,), False),
        (BadUpstream(""), 0, (502,), True),
        (DeadlineExceeded(""), 0, (504,), True),
        (DeadlineExceeded(""), 0, (502,), False),
    ],
)
def test_may_pass(error: WireError, status: int, statuses: tuple[int, ...], passes: bool) -> None:
    assert may_pass(Routing(fallback_statuses=statuses), AttemptFailed(error, status)) is passes


def test_pauses_grow_and_end() -> None:
    assert all(0.025 <= (pause_s(0, None) or 0) <= 0.075 for _ in range(50))
    assert all(0.1 <= (pause_s(2, None) or 0) <= 0.3 for _ in range(50))
    assert (pause_s(10**6, None) or 0) <= 2.4


def test_an_upstream_that_says_when() -> None:
    assert pause_s(0, 1) == 1
    assert pause_s(0, 3) is None


def test_unusable() -> None:
    failure = unusable("no such file")
    assert failure.is_final
    assert failure.error.body()["error_code"] == "TEMPORARILY_UNAVAILABLE"
