import struct
from pathlib import Path

import pytest
from lakeserve.core.errors import EngineError
from lakeserve.workers.gguf_header import GgufHeader, read_header
from workers.gguf_files import Value, gguf_bytes


def write(folder: Path, data: bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(data)
    return path


def test_scalars_strings_and_lengths(tmp_path: Path) -> None:
    values: dict[str, Value] = {
        "general.architecture": "llama",
        "general.name": "Tiny",
        "llama.context_length": 2048,
        "llama.embedding_length": 64,
        "llama.rope.freq_base": 1e4,
        "flag": True,
        "tokenizer.ggml.tokens": ["a", "<s>", "bcd"],
        "tokenizer.ggml.token_type": [1, 3, 1],
        "after": "x",
    }
    header = read_header(write(tmp_path, gguf_bytes(values)))
    assert (header.architecture, header.name) == ("llama", "Tiny")
    assert (header.context_tokens, header.dimensions) == (2048, 64)
    assert header.vocabulary_size == 3
    assert header.values["flag"] is True
    assert header.values["after"] == "x"
    assert header.arrays == {}
    assert header.encodes is False


def test_the_vocabulary_is_read_on_request(tmp_path: Path) -> None:
    tokens = ["a", "<|end|>", "<tool>", "<b>", "  ", "<|user|>"]
    values: dict[str, Value] = {
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1, 3, 4, 4, 4, 4],
        "tokenizer.chat_template": "{{ x }}<tool>",
    }
    header = read_header(write(tmp_path, gguf_bytes(values)), vocabulary=True)
    assert header.marker_tokens() == ["<|end|>", "<tool>", "<|user|>"]


def test_the_advised_temperature(tmp_path: Path) -> None:
    advised: dict[str, Value] = {
        "general.sampling.temp": struct.unpack("f", struct.pack("f", 0.2))[0]
    }
    assert read_header(write(tmp_path, gguf_bytes(advised))).temperature == 0.2
    assert read_header(write(tmp_path, gguf_bytes({}))).temperature == 1.0


@pytest.mark.parametrize(
    ("values", "encodes"),
    [
        ({"general.architecture": "bert"}, True),
        ({"general.architecture": "nomic-bert-moe"}, True),
        ({"general.architecture": "qwen3", "qwen3.pooling_type": 3}, True),
        ({"general.architecture": "qwen3", "qwen3.pooling_type": 0}, False),
        ({"general.architecture": "llama"}, False),
    ],
)
def test_encoders_are_told_from_generators(values: dict[str, str | int], encodes: bool) -> None:
    assert GgufHeader(dict(values), {}, {}).encodes is encodes


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not start with GGUF"),
        (b"PK\x03\x04" + b"x" * 100, "does not start with GGUF"),
        (b"GGUF", "not a complete"),
        (b"GGUF" + struct.pack("<I", 9) + b"\0" * 16, "not a complete"),
        (gguf_bytes({"general.architecture": "llama", "x": "y" * 50})[:60], "not a complete"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "not a complete"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(EngineError, match=reason):
        read_header(write(tmp_path, data))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot read the model file"):
        read_header(tmp_path / "none.gguf")
