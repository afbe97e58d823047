"""Personal access tokens as listings show them: everything but the value, which nobody keeps."""

from dataclasses import dataclass

from lakeserve.core.errors import InvalidParameter

LONGEST_LIFETIME_S = 100 * 365 * 24 * 3600
COMMENT_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What is known of a token.

    Attributes:
        id: 64 hex digits that say nothing about the value.
        owner_id: Whom the token stands for.
        created_by: Id of the principal who asked for it.
        from_settings: Whether it is the administrator's token of the settings.
        created_at: Epoch milliseconds.
        expires_at: Epoch milliseconds, or None for never.
    """

    id: str
    owner_id: str
    comment: str
    created_by: str
    created_at: int
    expires_at: int | None = None
    from_settings: bool = False


def expiry(lifetime_seconds: int | None, now_ms: int) -> int | None:
    """When a token of that lifetime expires, in epoch milliseconds; None for never.

    Raises:
        InvalidParameter: The lifetime is not a positive number of seconds.
    """
    if lifetime_seconds is None:
        return None
    if not 0 < lifetime_seconds <= LONGEST_LIFETIME_S:
        raise InvalidParameter(
            f"Field 'lifetime_seconds' has the value {lifetime_seconds}; accepted: 1 to"
            f" {LONGEST_LIFETIME_S}, or none for a token that never expires."
        )
    return now_ms + lifetime_seconds * 1000


def check_comment(comment: str) -> None:
    """Refuse a comment that is too long.

    Raises:
        InvalidParameter: With its length.
    """
    if len(comment) > COMMENT_CHARACTERS:
        raise InvalidParameter(
            f"Field 'comment' has {len(comment)} characters; accepted: at most"
            f" {COMMENT_CHARACTERS}."
        )
