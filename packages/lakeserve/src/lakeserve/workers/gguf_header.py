"""Reads the metadata of a GGUF file, without the gguf package and the numpy it needs.

The format: magic, version, tensor count and key count, then key/value pairs with a type number
each. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from lakeserve.core.errors import EngineError

MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i",
    6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip

# Token types of llama.cpp's vocabulary.
CONTROL, USER_DEFINED = 3, 4
CHAT_TEMPLATE = "tokenizer.chat_template"
_TOKENS, _TOKEN_TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
# Architectures whose checkpoints only encode; all others generate text.
_ENCODERS = ("bert", "nomic-bert", "jina-bert", "modern-bert", "neo-bert", "eurobert")

Scalar = int | float | bool | str


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """The metadata of one model file.

    Attributes:
        values: Scalars and strings by key; arrays only where they were asked for.
        arrays: Arrays by key, as asked for.
        lengths: Length of every array by key.
    """

    values: dict[str, Scalar]
    arrays: dict[str, list[Scalar]] = field(repr=False)
    lengths: dict[str, int]

    @property
    def architecture(self) -> str:
        """``general.architecture``, such as ``llama`` or ``bert``."""
        return str(self.values.get("general.architecture", ""))

    @property
    def name(self) -> str | None:
        """``general.name``, or None."""
        name = self.values.get("general.name")
        return str(name) if name else None

    @property
    def encodes(self) -> bool:
        """Whether this is an embedding model."""
        pooling = self.values.get(f"{self.architecture}.pooling_type", 0)
        return self.architecture.startswith(_ENCODERS) or pooling not in (0, -1)

    @property
    def context_tokens(self) -> int | None:
        """The context length that the model was trained for, or None."""
        length = self.values.get(f"{self.architecture}.context_length")
        return int(length) if length else None

    @property
    def temperature(self) -> float:
        """The sampling temperature that the model's maker advises, 1 when none is given.

        GGUF keeps it as ``general.sampling.temp``, a 32-bit number.
        """
        advised = self.values.get("general.sampling.temp")
        return 1.0 if advised is None else round(float(advised), 6)

    @property
    def dimensions(self) -> int | None:
        """The embedding length, or None."""
        length = self.values.get(f"{self.architecture}.embedding_length")
        return int(length) if length else None

    @property
    def vocabulary_size(self) -> int:
        """How many tokens there are; ids run from 0 to one less."""
        return self.lengths.get(_TOKENS, 0)

    @property
    def chat_template(self) -> str | None:
        """The Jinja chat template, or None."""
        template = self.values.get(CHAT_TEMPLATE)
        return str(template) if template else None

    def marker_tokens(self) -> list[str]:
        """Texts that the tokenizer turns into one token with a meaning of its own.

        Needs ``read_header(vocabulary=True)``. User-defined tokens count when the chat template
        names them or when they look like ``<|marker|>``: some vocabularies also hold plain text,
        such as runs of spaces or HTML tags, as user-defined tokens.
        """
        template = self.chat_template or ""
        pairs = zip(self.arrays.get(_TOKENS, []), self.arrays.get(_TOKEN_TYPES, []), strict=False)
        markers = []
        for token, kind in pairs:
            text = str(token)
            named = text in template or (text.startswith("<|") and text.endswith("|>"))
            if text.strip() and (kind == CONTROL or (kind == USER_DEFINED and named)):
                markers.append(text)
        return markers


def read_header(path: Path, *, vocabulary: bool = False) -> GgufHeader:
    """Read a model file's metadata.

    Args:
        path: The GGUF file.
        vocabulary: Whether to read the token texts and types too (tens of milliseconds for large
            vocabularies).

    Raises:
        EngineError: The file cannot be read, or is not a complete GGUF header.
    """
    wanted = {_TOKENS, _TOKEN_TYPES} if vocabulary else set[str]()
    try:
        with path.open("rb") as file:
            if file.read(4) != MAGIC:
                raise EngineError(f"{str(path)!r} is not a GGUF file: it does not start with GGUF")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data).header(wanted)
    except OSError as error:
        raise EngineError(f"cannot read the model file {str(path)!r}: {error.strerror}") from None
    except (struct.error, ValueError, KeyError, OverflowError):
        raise EngineError(f"{str(path)!r} is not a complete GGUF file") from None


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 4

    def header(self, wanted: Collection[str]) -> GgufHeader:
        version = self._scalar("<I")
        if version not in (2, 3):
            raise ValueError(f"GGUF version {version}")
        self._scalar("<Q")  # tensor count
        header = GgufHeader({}, {}, {})
        for _ in range(int(self._scalar("<Q"))):
            self._pair(header, wanted)
        return header

    def _pair(self, header: GgufHeader, wanted: Collection[str]) -> None:
        key = self._string()
        kind = int(self._scalar("<I"))
        if kind == _STRING:
            header.values[key] = self._string()
        elif kind == _ARRAY:
            element, length = int(self._scalar("<I")), int(self._scalar("<Q"))
            header.lengths[key] = length
            if key in wanted:
                header.arrays[key] = self._array(element, length)
            else:
                self._skip(element, length)
        else:
            header.values[key] = self._scalar(_SCALARS[kind])

    def _scalar(self, layout: str) -> Scalar:
        (value,) = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        scalar: Scalar = value
        return scalar

    def _string(self) -> str:
        length = int(self._scalar("<Q"))
        start, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise ValueError("string beyond the end of the file")
        return self._data[start : self._at].decode("utf-8", "replace")

    def _array(self, element: int, length: int) -> list[Scalar]:
        if element == _STRING:
            return [self._string() for _ in range(length)]
        layout = _SCALARS[element]
        return [self._scalar(layout) for _ in range(length)]

    def _skip(self, element: int, length: int) -> None:
        if element != _STRING:
            self._at += struct.calcsize(_SCALARS[element]) * length
            return
        for _ in range(length):
            (size,) = struct.unpack_from("<Q", self._data, self._at)
            self._at += 8 + size
