"""The documented texts."""

from lakeserve.gateway.limits.refusal import UsedUp, refusal


def test_the_text() -> None:
    error = refusal("my-chat", [UsedUp("endpoint", "calls", 3)])
    assert error.message == (
        "REQUEST_LIMIT_EXCEEDED: User defined rate limit(s) exceeded for 'my-chat'."
        " Requests-per-minute (RPM) rate limit exceeded."
    )
    assert (error.status, error.error_code, error.retry_after) == (
        429,
        "REQUEST_LIMIT_EXCEEDED",
        3,
    )


def test_the_longest_wait_counts() -> None:
    error = refusal("e", [UsedUp("user", "tokens", 3), UsedUp("endpoint", "calls", 40)])
    assert error.message.endswith("Tokens-per-minute (TPM) rate limit exceeded for user.")
    assert error.retry_after == 40
    assert error.refused_by == "rate_limit_tokens"
