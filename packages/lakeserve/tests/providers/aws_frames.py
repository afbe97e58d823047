"""Messages of AWS's event streams as bytes; what the vendor does, so that botocore can be fed.

Source: "Amazon Transcribe developer guide", "Event stream encoding".
"""

import struct
import zlib
from collections.abc import Mapping


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message."""
    head = b"".join(
        struct.pack(f">B{len(n)}sBH{len(v)}s", len(n), n, 7, len(v), v)
        for n, v in ((name.encode(), value.encode()) for name, value in headers.items())
    )
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    message = prelude + head + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event(name: str, payload: bytes) -> bytes:
    """An event, or an exception where its name says so."""
    kind = "exception" if name.endswith("Exception") else "event"
    headers = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    return frame(headers, payload)
