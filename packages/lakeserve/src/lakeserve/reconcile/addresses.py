"""From the address of a server, as people write it, to where a call goes."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

from lakeserve.core.endpoints import Address

# A worker of another machine that takes longer to accept is as good as gone.
CONNECT_S = 2.0


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


async def _connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.uds is not None:
        return await asyncio.open_unix_connection(address.uds)
    return await asyncio.open_connection(address.host, address.port)


async def answers(address: Address) -> bool:
    """Whether anybody accepts a connection at the address of a worker."""
    try:
        _, writer = await asyncio.wait_for(_connect(address), CONNECT_S)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
