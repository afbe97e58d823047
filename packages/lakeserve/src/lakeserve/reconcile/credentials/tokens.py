"""Access tokens: minted in a thread, renewed before they expire, one renewal at a time."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lakeserve.core.errors import WireError

logger = logging.getLogger(__name__)

# How long before its end a token is renewed: a quarter of its life, but no longer than this.
LONGEST_EARLY_S = 300.0
# After a failed renewal a token that is still good is kept this long before the next try.
RETRY_S = 10.0
# A token whose end its service does not tell.
UNKNOWN_LIFE_S = 300.0

REDACTED = "[REDACTED]"
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and its end, in epoch seconds."""

    value: str = field(repr=False)
    expires_at: float


Mint = Callable[[], AccessToken]


def refusal_text(reply: object) -> str:
    """What a token service said (RFC 6749, 5.2): it never repeats the credential there."""
    if not isinstance(reply, dict) or not isinstance(reply.get("error"), str):
        return "it gave no reason"
    description = reply.get("error_description")
    words = [reply["error"], *([description] if isinstance(description, str) else [])]
    return ": ".join(" ".join(word.split())[:LONGEST_REASON] for word in words).rstrip(".")


class BearerTokens:
    """Sends access tokens; a ``RequestSigner``.

    Args:
        name: For logs.
        mint: Gets a token over the network. It blocks, so it runs in a thread.
        clock: Epoch seconds.
    """

    def __init__(self, name: str, mint: Mint, clock: Callable[[], float] = time.time) -> None:
        self._name = name
        self._mint = mint
        self._clock = clock
        self._token: AccessToken | None = None
        self._renew_at = 0.0
        self._renewal: asyncio.Task[AccessToken] | None = None

    async def headers(self, url: str, body: bytes) -> tuple[tuple[str, str], ...]:
        """See ``RequestSigner.headers``; waits only where no token is good."""
        token = self._token
        now = self._clock()
        if token is None or now >= token.expires_at:
            # Whoever goes away while waiting must not take the others' token along.
            token = await asyncio.shield(self._renewing())
        elif now >= self._renew_at:
            self._renewing()
        return (("authorization", f"Bearer {token.value}"),)

    def conceal(self, text: str) -> str:
        """See ``RequestSigner.conceal``."""
        return text if self._token is None else text.replace(self._token.value, REDACTED)

    def _renewing(self) -> "asyncio.Task[AccessToken]":
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(), name=f"token of {self._name}")
            self._renewal.add_done_callback(self._renewed)
        return self._renewal

    async def _renew(self) -> AccessToken:
        return await asyncio.to_thread(self._mint)

    def _renewed(self, renewal: "asyncio.Task[AccessToken]") -> None:
        self._renewal = None
        if renewal.cancelled():
            return
        error = renewal.exception()
        now = self._clock()
        if error is None:
            self._token = token = renewal.result()
            self._renew_at = token.expires_at - min(LONGEST_EARLY_S, (token.expires_at - now) / 4)
            return
        self._renew_at = now + RETRY_S
        # What is no WireError is a fault of ours or of a library; its text may hold anything.
        reason = str(error) if isinstance(error, WireError) else type(error).__name__
        logger.warning("no token for %s: %s", self._name, reason)
