import pytest
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.tokens import LONGEST_LIFETIME_S, check_comment, expiry


def test_when_a_token_expires() -> None:
    assert expiry(None, 1000) is None
    assert expiry(1, 1000) == 2000
    assert expiry(LONGEST_LIFETIME_S, 0) == LONGEST_LIFETIME_S * 1000


@pytest.mark.parametrize("lifetime", [0, -1, LONGEST_LIFETIME_S + 1])
def test_lifetimes_that_are_refused(lifetime: int) -> None:
    with pytest.raises(InvalidParameter, match=f"'lifetime_seconds' has the value {lifetime};"):
        expiry(lifetime, 1000)


def test_comments_have_a_length() -> None:
    check_comment("x" * 1024)
    with pytest.raises(InvalidParameter, match="'comment' has 1025 characters"):
        check_comment("x" * 1025)
