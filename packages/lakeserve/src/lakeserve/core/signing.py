"""Credentials that are minted or computed anew instead of being sent as they are stored."""

from typing import Protocol


class RequestSigner(Protocol):
    """Authorizes the requests of one served entity."""

    async def headers(self, url: str, body: bytes) -> tuple[tuple[str, str], ...]:
        """Headers that authorize a POST of ``body`` to ``url``, both exactly as they are sent.

        Raises:
            WireError: The credential could not be made; the text holds no secret.
        """
        ...

    def conceal(self, text: str) -> str:
        """``text`` without what authorizes requests, should an upstream repeat it."""
        ...
