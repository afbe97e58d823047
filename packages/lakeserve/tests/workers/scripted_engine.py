"""An engine that says what the test wrote, for the worker's application in process."""

import base64
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import orjson
from lakeserve.workers.gguf_header import GgufHeader
from lakeserve.workers.serve.app import WorkerApp
from lakeserve.workers.serve.control_tokens import cleaner
from lakeserve.workers.serve.engine import EngineRequest, OnEvent, RequestRefused
from lakeserve.workers.serve.model import LoadedModel
from lakeserve.workers.serve.slots import Slots

Step = dict[str, Any]

HEADER = GgufHeader(
    {
        "general.architecture": "llama",
        "llama.context_length": 100,
        "llama.embedding_length": 2,
        "tokenizer.chat_template": "{{ messages }} <tool_call>",
    },
    {
        "tokenizer.ggml.tokens": ["a", "b", "<|im_start|>", "<|im_end|>", "<tool_call>"],
        "tokenizer.ggml.token_type": [1, 1, 3, 3, 4],
    },
    {"tokenizer.ggml.tokens": 5},
)


def chat_steps(*texts: str, finish: str = "stop", prompt_tokens: int = 7) -> list[Step]:
    """What llama.cpp streams for an answer of a few tokens."""
    steps = [progress(prompt_tokens), delta({"role": "assistant", "content": None})]
    steps += [delta({"content": text}) for text in texts]
    return [*steps, delta({}, finish), usage(prompt_tokens, len(texts))]


def progress(total: int) -> Step:
    return delta({"role": "assistant", "content": None}) | {
        "prompt_progress": {"total": total, "cache": 0, "processed": 0, "time_ms": 0}
    }


def delta(value: dict[str, Any], finish: str | None = None, **choice: Any) -> Step:
    return {"choices": [{"index": 0, "delta": value, "finish_reason": finish, **choice}]}


def usage(prompt: int, completion: int) -> Step:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion}
    return {"choices": [], "usage": {**counts, "prompt_tokens_details": {"cached_tokens": 1}}}


def too_long(prompt: int, context: int) -> Step:
    return {
        "error": {
            "code": 400,
            "type": "exceed_context_size_error",
            "message": "too long",
            "n_prompt_tokens": prompt,
            "n_ctx": context,
        }
    }


class ScriptedEngine:
    """Answers every generation with ``steps``.

    Attributes:
        requests: What was asked, in order.
        endless: When set, generations repeat one token until they are stopped.
        stopped: Generations that were told to stop.
        tokens: Tokens given out by endless generations.
    """

    def __init__(self, steps: Sequence[Step] | None = None) -> None:
        self.header = HEADER
        self.context_tokens = 100
        self.sees_images = False
        self.steps: Sequence[Step] = chat_steps("Hel", "lo") if steps is None else steps
        self.refusal: str | None = None
        self.fault: Exception | None = None
        self.endless = False
        self.requests: list[EngineRequest] = []
        self.embedded: list[list[str | list[int]]] = []
        self.embed_answer: Callable[[Sequence[str | list[int]]], dict[str, Any]] = vectors
        self.stopped = 0
        self.tokens = 0
        self.release = threading.Event()
        self.release.set()

    def generate(self, request: EngineRequest, on_event: OnEvent) -> None:
        self.requests.append(request)
        if self.refusal is not None:
            raise RequestRefused(self.refusal)
        self.release.wait(10)
        for step in self.steps:
            if on_event(orjson.dumps(step)):
                self.stopped += 1
                return
        if self.fault is not None:
            raise self.fault
        while self.endless:
            self.tokens += 1
            if on_event(orjson.dumps(delta({"content": "x"}))):
                self.stopped += 1
                return
            time.sleep(0.001)
        on_event(b"[DONE]")

    def embed(self, inputs: Sequence[str | list[int]]) -> dict[str, Any]:
        self.embedded.append(list(inputs))
        return self.embed_answer(inputs)

    def tokenize(self, text: str, *, add_special: bool) -> list[int]:
        tokens = [1 for _ in text]
        return [2, *tokens, 3] if add_special else tokens

    def markers(self) -> list[str]:
        return self.header.marker_tokens()

    def close(self) -> None:
        return


def vectors(inputs: Sequence[str | list[int]]) -> dict[str, Any]:
    """Replies in reverse order, which llama.cpp is free to do."""
    data = [
        {
            "object": "embedding",
            "index": at,
            "embedding": base64.b64encode(struct.pack("<2f", at, len(item))).decode(),
        }
        for at, item in enumerate(inputs)
    ]
    return {"data": data[::-1], "usage": {"prompt_tokens": sum(len(i) for i in inputs)}}


def loaded(
    engine: ScriptedEngine, slots: int, executor: ThreadPoolExecutor, queue: int = 256
) -> LoadedModel:
    return LoadedModel(
        "model", engine, Slots(slots, queue), executor, cleaner(engine.header.marker_tokens())
    )


@contextmanager
def serving(
    engine: ScriptedEngine, kind: str = "chat", slots: int = 2, queue: int = 256
) -> Iterator[WorkerApp]:
    """An application around a scripted engine."""
    app = WorkerApp("embedding" if kind == "embedding" else "chat")
    with ThreadPoolExecutor(slots) as executor:
        app.model = loaded(engine, slots, executor, queue)
        yield app
        engine.endless = False
        engine.release.set()
