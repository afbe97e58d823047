import hashlib
import os
from pathlib import Path

import pytest
from lakeserve.core.errors import ConfigurationError, EngineError
from lakeserve.workers.llama import LlamaOptions, Lora
from lakeserve.workers.model_store import ModelStore, StoredModel
from workers.gguf_files import gguf_bytes

LLAMA = gguf_bytes({"general.architecture": "llama"})
BERT = gguf_bytes({"general.architecture": "bert"})
ADAPTER = gguf_bytes({
    "general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora",
})  # fmt: skip
CLIP = gguf_bytes({"general.architecture": "clip", "general.type": "mmproj"})


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "data")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return written(tmp_path, "given.gguf", LLAMA)


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def add(store: ModelStore, model: Path, **options: object) -> StoredModel:
    return store.add("mine", model, LlamaOptions(**options))  # type: ignore[arg-type]


def test_a_model_is_taken_in(store: ModelStore, model: Path) -> None:
    added = add(store, model, context_tokens=512)
    assert store.all() == [added]
    assert store.get("mine") == added
    assert (added.kind, added.architecture) == ("chat", "llama")
    assert added.path.read_bytes() == LLAMA
    assert added.path.stat().st_ino == model.stat().st_ino
    assert added.files["model.gguf"].sha256 == hashlib.sha256(LLAMA).hexdigest()
    assert added.options == LlamaOptions(context_tokens=512)
    model.unlink()
    added.verify()


def test_what_belongs_to_a_model_is_taken_in_too(
    store: ModelStore, model: Path, tmp_path: Path
) -> None:
    adapter, clip = written(tmp_path, "a", ADAPTER), written(tmp_path, "c", CLIP)
    added = add(
        store,
        model,
        loras=(Lora(adapter, 0.5), Lora(adapter)),
        projector=clip,
        chat_template="{{ messages }}",
    )
    assert [lora.scale for lora in added.options.loras] == [0.5, 1.0]
    assert all(lora.path.read_bytes() == ADAPTER for lora in added.options.loras)
    assert added.options.projector is not None
    assert added.options.projector.parent == added.folder
    assert added.options.chat_template == "{{ messages }}"
    assert len(added.files) == 4


def test_encoders_and_pooled_models_make_vectors(
    store: ModelStore, model: Path, tmp_path: Path
) -> None:
    assert store.add("b", written(tmp_path, "b", BERT), LlamaOptions()).kind == "embedding"
    assert store.add("p", model, LlamaOptions(pooling="last")).kind == "embedding"
    assert [stored.name for stored in store.all()] == ["b", "p"]


def test_a_file_on_another_file_system_is_copied(
    store: ModelStore, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    added = add(store, model)
    assert added.path.stat().st_ino != model.stat().st_ino
    added.verify()


def test_a_changed_file_is_noticed(store: ModelStore, model: Path) -> None:
    added = add(store, model)
    os.utime(added.path, ns=(1, 1))
    added.verify()
    model.write_bytes(LLAMA + b"!")
    with pytest.raises(EngineError, match="has changed since it was added"):
        added.verify()
    added.path.unlink()
    with pytest.raises(EngineError, match="No such file"):
        added.verify()


def test_names_are_taken_once(store: ModelStore, model: Path, tmp_path: Path) -> None:
    add(store, model)
    with pytest.raises(ConfigurationError, match="already"):
        add(store, model)
    other = written(tmp_path, "other.gguf", BERT)
    assert store.add("mine", other, LlamaOptions(), replace=True).architecture == "bert"
    assert len(store.all()) == 1


@pytest.mark.parametrize("name", ["", "demo", "minilm", "a/b", "..", ".a", "a b", "x" * 129])
def test_names_that_are_not_accepted(store: ModelStore, model: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the name"):
        store.add(name, model, LlamaOptions())
    assert store.get(name) is None


def test_a_checksum_is_compared(store: ModelStore, model: Path) -> None:
    good = hashlib.sha256(LLAMA).hexdigest()
    with pytest.raises(ConfigurationError, match=good):
        store.add("mine", model, LlamaOptions(), checksum="0" * 64)
    assert store.all() == []
    store.add("mine", model, LlamaOptions(), checksum=good.upper())


def test_files_must_be_what_they_are_given_for(
    store: ModelStore, model: Path, tmp_path: Path
) -> None:
    clip = written(tmp_path, "c", CLIP)
    for options, reason in (
        (LlamaOptions(loras=(Lora(model),)), "is not a LoRA adapter"),
        (LlamaOptions(projector=model), "is not a projector"),
        (LlamaOptions(projector=written(tmp_path, "t", b"text")), "is not a GGUF file"),
    ):
        with pytest.raises(EngineError, match=reason):
            store.add("mine", model, options)
    with pytest.raises(EngineError, match="no model of its own"):
        store.add("mine", written(tmp_path, "a", ADAPTER), LlamaOptions())
    with pytest.raises(ConfigurationError, match="takes no projector"):
        store.add("mine", written(tmp_path, "b", BERT), LlamaOptions(projector=clip))
    assert store.all() == []


def test_removing(store: ModelStore, model: Path) -> None:
    added = add(store, model)
    assert store.remove("mine")
    assert not added.folder.exists()
    assert not store.remove("mine")
    assert model.exists()


def test_a_broken_manifest_says_where_it_is(store: ModelStore, model: Path) -> None:
    added = add(store, model)
    (added.folder / "model.json").write_text("{")
    with pytest.raises(EngineError, match=r"model\.json"):
        store.get("mine")
