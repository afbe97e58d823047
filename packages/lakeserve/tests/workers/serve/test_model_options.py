"""Workers with adapters, projectors, templates and pooling: what only the real engine can show."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from lakeserve.core.errors import EngineError
from lakeserve.workers.llama import LlamaOptions, LlamaProgram, Lora, Pooling
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import ModelKind, Worker, WorkerSpec
from lakeserve_demo_model import model_path
from workers.gguf_parts import picture, write_lora, write_projector
from workers.unix_http import send

CHAT = "/v1/chat/completions"
QUESTION = {"role": "user", "content": "How are you?"}


class Asked:
    """A running worker."""

    def __init__(self, worker: Worker) -> None:
        self._socket = str(worker.address.uds)

    def post(self, path: str, **body: Any) -> tuple[int, Any]:
        status, data = send(self._socket, path, body)
        return status, orjson.loads(data)

    def text(self, **fields: Any) -> str:
        body = {"messages": [QUESTION], "temperature": 0, "max_tokens": 12, **fields}
        status, answer = self.post(CHAT, **body)
        assert status == 200, answer
        return str(answer["choices"][0]["message"]["content"])


@contextmanager
def working(spec: WorkerSpec, options: LlamaOptions, kind: ModelKind = "chat") -> Iterator[Asked]:
    program = LlamaProgram(Path(model_path()), "m", kind, slots=1, options=options)
    loop = asyncio.new_event_loop()

    async def start() -> Worker:
        started = await ProcessRunner().start(replace(spec, program=program))
        await started.ready()
        return started

    try:
        worker = loop.run_until_complete(start())
        yield Asked(worker)
        loop.run_until_complete(worker.stop(10))
    finally:
        loop.close()


@pytest.fixture
def spec(data_dir: Path) -> WorkerSpec:
    program = LlamaProgram(Path(model_path()), "m", "chat")
    return WorkerSpec("ab" * 16, "m", program, 60, data_dir / "options", data_dir / "options.log")


def test_an_adapter_counts_as_much_as_its_scale(spec: WorkerSpec, tmp_path: Path) -> None:
    adapter = write_lora(tmp_path / "lora.gguf", Path(model_path()))
    said = []
    for loras in ((), (Lora(adapter, 0.0),), (Lora(adapter),)):
        with working(spec, LlamaOptions(loras=loras)) as worker:
            said.append(worker.text())
    assert said[0] == said[1]
    assert said[0] != said[2]


def test_a_model_with_a_projector_sees_images(spec: WorkerSpec, tmp_path: Path) -> None:
    projector = write_projector(tmp_path / "mmproj.gguf", 256)
    image = {"type": "image_url", "image_url": {"url": picture()}}
    text = {"type": "text", "text": "What is this? <__media__>"}
    with working(spec, LlamaOptions(projector=projector)) as worker:
        assert worker.text()
        seen = {"messages": [{"role": "user", "content": [text, image]}], "max_tokens": 4}
        status, answer = worker.post(CHAT, **seen)
        assert status == 200, answer
        without = {"messages": [{"role": "user", "content": [text]}], "max_tokens": 4}
        _, blind = worker.post(CHAT, **without)
        # 16 patches of the picture and what stands around them
        assert answer["usage"]["prompt_tokens"] >= blind["usage"]["prompt_tokens"] + 16
        broken = {"type": "image_url", "image_url": {"url": picture()[:120] + "AAAA"}}
        status, answer = worker.post(
            CHAT, messages=[{"role": "user", "content": [text, broken]}], max_tokens=4
        )
        assert (status, "error" in answer) == (400, True)
        assert worker.text()


def test_a_template_in_place_of_the_models_own(spec: WorkerSpec) -> None:
    template = (
        "{% for message in messages %}<|im_start|>user\nWhat is 2 + 3?<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n"
    )
    with working(spec, LlamaOptions(chat_template=template)) as worker:
        assert "5" in worker.text()


def test_pooling_makes_vectors_of_any_model(spec: WorkerSpec) -> None:
    vectors = {}
    poolings: tuple[Pooling, ...] = ("mean", "last")
    for pooling in poolings:
        options = LlamaOptions(pooling=pooling)
        with working(spec, options, "embedding") as worker:
            status, answer = worker.post("/v1/embeddings", input="Vectors of a longer text differ.")
            assert status == 200, answer
            vectors[pooling] = answer["data"][0]["embedding"]
    assert len(vectors["mean"]) == len(vectors["last"]) == 256
    assert vectors["mean"] != vectors["last"]


def test_what_does_not_belong_to_the_model(spec: WorkerSpec, tmp_path: Path) -> None:
    projector = write_projector(tmp_path / "mmproj.gguf", 128)
    with (
        pytest.raises(EngineError, match="does not belong to it"),
        working(spec, LlamaOptions(projector=projector)),
    ):
        pass
