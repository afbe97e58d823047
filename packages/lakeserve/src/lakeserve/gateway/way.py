"""How one served entity is reached: what stays the same from call to call."""

from lakeserve.core.endpoints import Address, Target
from lakeserve.core.errors import ConfigurationError
from lakeserve.gateway.answer_head import header_lines, named_headers
from lakeserve.gateway.attempt_failure import unusable
from lakeserve.gateway.upstream.connection import Connection
from lakeserve.gateway.upstream.head import json_head
from lakeserve.gateway.upstream.pool import Origin
from lakeserve.providers.base import FewTexts, Provider, UpstreamRequest
from lakeserve.providers.table import provider

Headers = tuple[tuple[str, str], ...]


class Way:
    """The way to a target.

    Attributes:
        translation: The target's provider.
        origin: None while a worker has no address.
        at_once: ``origin``, where a question can be sent there without asking anybody first.
        most_texts: How many texts one request for embeddings may hold; None for any number.
        answer_lines: Header lines that tell a caller who answered.
        line: The pool's kept connections to ``origin``, once somebody has looked for them.

    Raises:
        AttemptFailed: There is no such provider.
    """

    __slots__ = (
        "_head",
        "_headers",
        "_path",
        "answer_lines",
        "at_once",
        "line",
        "most_texts",
        "origin",
        "target",
        "translation",
    )

    def __init__(self, target: Target, address: Address | None = None) -> None:
        self.target = target
        self.translation = _translation(target)
        self.answer_lines = header_lines(named_headers(target.entity_name, target.model_name))
        there = target.address if address is None else address
        self.origin = None if there is None else Origin(there)
        self.at_once = None if target.others or target.signer is not None else self.origin
        few = self.translation
        self.most_texts = few.most_texts(target) if isinstance(few, FewTexts) else None
        self.line: list[Connection] | None = None
        self._path = ""
        self._headers: Headers = ()
        self._head = b""

    def payload(self, request: UpstreamRequest) -> bytes:
        """A request, whole.

        Raises:
            AttemptFailed: A header cannot be written, such as a credential with a line break.
        """
        path, headers, body = request
        if path != self._path or headers != self._headers:
            self._head = self._new_head(path, headers)
            self._path, self._headers = path, headers
        return b"%bcontent-length: %d\r\n\r\n%b" % (self._head, len(body), body)

    def _new_head(self, path: str, headers: Headers) -> bytes:
        if self.origin is None:
            raise unusable(f"Served entity {self.target.entity_name!r} has no address.")
        try:
            return json_head(self.origin.address, path, headers)
        except ValueError as error:
            raise unusable(
                f"The configuration of served entity {self.target.entity_name!r} cannot be sent:"
                f" {error}"
            ) from None


def _translation(target: Target) -> Provider:
    try:
        return provider(target.provider)
    except ConfigurationError as error:
        raise unusable(f"Served entity {target.entity_name!r} cannot serve: {error}") from None
