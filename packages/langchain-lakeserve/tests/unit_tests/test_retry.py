from __future__ import annotations

from datetime import datetime, timezone

import pytest
from langchain_lakeserve._failures import retry_after
from langchain_lakeserve._retry import Attempts, is_stale_token, is_transient
from langchain_lakeserve.errors import (
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    DeadlineExceededError,
    LakeserveError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
    StreamInterruptedError,
)


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (StatusError("", status=408), True),
        (StatusError("", status=409), True),
        (RateLimitError("", status=429), True),
        (ServerError("", status=500), True),
        (ServerError("", status=501), False),
        (ServerError("", status=503), True),
        (BadRequestError("", status=400), False),
        (ConnectionFailedError(""), True),
        (StreamInterruptedError(""), False),
        (DeadlineExceededError(""), False),
    ],
)
def test_what_is_tried_again(error: LakeserveError, transient: bool) -> None:
    assert is_transient(error) is transient


def test_delays_grow_and_honour_the_server() -> None:
    attempts = Attempts(9, None, jitter=lambda: 1.0)
    error = ServerError("", status=500)
    delays = [attempts.delay_after(error) for _ in range(6)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert attempts.delay_after(RateLimitError("", status=429, retry_after=0.2)) == 0.2


def test_there_is_an_end() -> None:
    error = ServerError("", status=500)
    attempts = Attempts(1, None)
    attempts.delay_after(error)
    with pytest.raises(ServerError):
        attempts.delay_after(error)


def test_the_deadline_is_for_everything() -> None:
    now = [0.0]
    attempts = Attempts(5, 10.0, clock=lambda: now[0])
    now[0] = 4.0
    assert attempts.remaining() == 6.0
    with pytest.raises(RateLimitError):
        attempts.delay_after(RateLimitError("", status=429, retry_after=7))
    now[0] = 10.0
    with pytest.raises(DeadlineExceededError):
        attempts.remaining()


def test_a_token_is_renewed_once() -> None:
    attempts = Attempts(0, None)
    error = AuthenticationError("", status=401)
    assert attempts.wants_new_token(error)
    assert not attempts.wants_new_token(error)
    denied = PermissionDeniedError("", status=403, server_text="Invalid access token.")
    assert is_stale_token(denied)
    assert not is_stale_token(PermissionDeniedError("", status=403, server_text="Not yours."))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:27:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    now = datetime(2015, 10, 21, 7, 28, 0, tzinfo=timezone.utc)
    assert retry_after(headers, now) == seconds
