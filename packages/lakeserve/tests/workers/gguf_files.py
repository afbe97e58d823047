"""GGUF headers made by hand, independent of the gguf package."""

import struct
from collections.abc import Mapping

Value = str | int | float | bool | list[str] | list[int]


def gguf_bytes(values: Mapping[str, Value]) -> bytes:
    """A GGUF file without tensors."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(values))
    return head + b"".join(_string(key) + _typed(value) for key, value in values.items())


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _typed(value: Value) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    if value and isinstance(value[0], str):
        items = b"".join(_string(str(item)) for item in value)
        return struct.pack("<IIQ", 9, 8, len(value)) + items
    return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
