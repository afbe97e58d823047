"""The first lines of a request to an upstream."""

from collections.abc import Iterable

from lakeserve.core.endpoints import Address

_BREAKS = frozenset("\r\n\0")


def json_head(address: Address, path: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """The head of a POST, up to its length, which is still to be written.

    It is one of JSON, unless a header says otherwise.

    Raises:
        ValueError: A header cannot be written, such as a credential with a line break.
    """
    is_typed = any(name == "content-type" for name, _ in headers)
    lines = (
        ("host", host(address)),
        *(() if is_typed else (("content-type", "application/json"),)),
        *(() if address.bearer is None else (("authorization", f"Bearer {address.bearer}"),)),
        ("accept-encoding", "identity"),
        *headers,
    )
    return request_line("POST", address.base_path + path) + header_lines(lines)


def request_line(method: str, target: str) -> bytes:
    """The first line.

    Raises:
        ValueError: The target is not made of visible ASCII characters.
    """
    if not target.isascii() or not target.isprintable() or " " in target:
        raise ValueError(f"request target {target!r} holds characters that do not belong there")
    return f"{method} {target} HTTP/1.1\r\n".encode("ascii")


def header_lines(headers: Iterable[tuple[str, str]]) -> bytes:
    """Headers, each with its line end.

    Raises:
        ValueError: A value holds a line break or a character outside Latin-1.
    """
    lines = []
    for name, value in headers:
        if not _BREAKS.isdisjoint(value):
            raise ValueError(f"the value of header {name!r} holds a line break")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode("latin-1")


def url(address: Address, path: str) -> str:
    """The whole address of a request, as it is sent."""
    scheme = "https" if address.tls else "http"
    return f"{scheme}://{host(address)}{address.base_path}{path}"


def host(address: Address) -> str:
    """The value of the ``host`` header."""
    if address.uds is not None:
        return "localhost"
    name = f"[{address.host}]" if ":" in address.host else address.host
    return name if address.port == (443 if address.tls else 80) else f"{name}:{address.port}"
