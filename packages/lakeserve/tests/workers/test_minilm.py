"""The converted embedding model against vectors that transformers and torch computed."""

import base64
import struct
from pathlib import Path

import orjson
import pytest
from lakeserve.workers.gguf_header import read_header
from lakeserve.workers.minilm import convert, model_directory, phantom_space
from workers.conftest import RunningWorker

REFERENCE = orjson.loads((Path(__file__).parent / "data" / "minilm_reference.json").read_bytes())
TEXTS = [entry["text"] for entry in REFERENCE["vectors"]]


def unpack(packed: str) -> list[float]:
    return list(struct.unpack("<384f", base64.b64decode(packed)))


def cosine(one: list[float], other: list[float]) -> float:
    """Both have length one."""
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("at", range(len(TEXTS)))
def test_vectors_agree_with_the_reference(embedding_worker: RunningWorker, at: int) -> None:
    expected = unpack(REFERENCE["vectors"][at]["vector"])
    status, body = embedding_worker.post("/v1/embeddings", input=TEXTS[at])
    assert status == 200
    vector = body["data"][0]["embedding"]
    assert sum(x * x for x in vector) == pytest.approx(1, abs=1e-4)
    assert cosine(vector, expected) >= 0.9999


def test_a_batch_gives_the_same_vectors_in_order(embedding_worker: RunningWorker) -> None:
    _, body = embedding_worker.post("/v1/embeddings", input=TEXTS, encoding_format="base64")
    for entry, expected in zip(body["data"], REFERENCE["vectors"], strict=True):
        assert cosine(unpack(entry["embedding"]), unpack(expected["vector"])) >= 0.9999


def test_long_texts_count_as_what_was_read(embedding_worker: RunningWorker) -> None:
    _, body = embedding_worker.post("/v1/embeddings", input=["word " * 600, "Hi"])
    assert body["usage"]["prompt_tokens"] == 256 + 3


def test_token_ids_are_the_models_own(embedding_worker: RunningWorker) -> None:
    _, text = embedding_worker.post("/v1/embeddings", input="hello")
    _, ids = embedding_worker.post("/v1/embeddings", input=[101, 7592, 102])
    pair = text["data"][0]["embedding"], ids["data"][0]["embedding"]
    assert cosine(*pair) == pytest.approx(1, abs=1e-5)


def test_a_full_request(embedding_worker: RunningWorker) -> None:
    status, body = embedding_worker.post("/v1/embeddings", input=[f"text {n}" for n in range(150)])
    assert status == 200
    assert len(body["data"]) == 150


def test_the_file_describes_itself(tmp_path: Path) -> None:
    target = tmp_path / "m.gguf"
    convert(model_directory(), target)
    assert list(tmp_path.iterdir()) == [target]
    header = read_header(target)
    assert header.encodes
    assert header.name == "all-MiniLM-L6-v2"
    assert (header.context_tokens, header.dimensions) == (256, 384)
    assert header.vocabulary_size == 30522


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        convert(tmp_path, tmp_path / "m.gguf")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("token", "spelled"), [("[CLS]", "[CLS]"), ("##ing", "ing"), ("word", "\u2581word")]
)
def test_word_pieces_as_llama_cpp_spells_them(token: str, spelled: str) -> None:
    assert phantom_space(token) == spelled
