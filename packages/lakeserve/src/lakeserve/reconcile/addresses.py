"""From the address of a server, as people write it, to where a call goes."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

from lakeserve.core.endpoints import Address


def parse_address(base_url: str) -> Address:
    """Where ``http[s]://HOST[:PORT][/PATH]`` points; the path goes before every request path."""
    parts = urlsplit(base_url)
    tls = parts.scheme == "https"
    return Address(
        host=parts.hostname or "localhost",
        port=parts.port or (443 if tls else 80),
        tls=tls,
        base_path=parts.path.rstrip("/"),
    )


async def answers(address: Address) -> bool:
    """Whether anybody accepts a connection at a unix socket; true for every other address."""
    if address.uds is None:
        return True
    try:
        _, writer = await asyncio.open_unix_connection(address.uds)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
