"""The inference engine behind a worker: a seam, and llama.cpp (xllamacpp) behind it."""

import http.client
import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import orjson
import xllamacpp

from lakeserve.core.errors import EngineError
from lakeserve.workers.gguf_header import CHAT_TEMPLATE, GgufHeader, read_header
from lakeserve.workers.llama import LlamaOptions, LlamaProgram, Lora, Pooling

# A stop is noticed between two batches of the prompt: smaller batches stop sooner, larger ones
# read prompts a little faster.
PROMPT_BATCH_TOKENS = 256
# What an encoder may read at once; a text must fit as a whole.
ENCODER_BATCH_TOKENS = 8192

_POOLING: Mapping[Pooling, Any] = {
    "mean": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN,
    "cls": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_CLS,
    "last": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_LAST,
}

# Where llama.cpp puts an image into a rendered prompt.
IMAGE_MARKER = "<__media__>"

OnEvent = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One generation.

    Attributes:
        kind: ``chat`` for messages, ``text`` for a bare prompt.
        body: JSON fields as the engine takes them.
    """

    kind: Literal["chat", "text"]
    body: dict[str, Any]


class RequestRefused(Exception):
    """The engine cannot use a request: its schema, template or grammar. The text says why."""


class Engine(Protocol):
    """What a worker needs of an engine. Every call blocks and may come from any thread.

    Attributes:
        context_tokens: Tokens that prompt and answer of one request share.
        sees_images: Whether chat messages may hold images.
    """

    header: GgufHeader
    context_tokens: int
    sees_images: bool

    def generate(self, request: EngineRequest, on_event: OnEvent) -> None:
        """Generate; ``on_event`` gets each JSON event and returns True to stop.

        Raises:
            RequestRefused: The request cannot be used.
        """
        ...

    def embed(self, inputs: Sequence[str | list[int]]) -> dict[str, Any]:
        """Vectors of texts or token ids, as the engine's JSON reply (base64), or its error."""
        ...

    def tokenize(self, text: str, *, add_special: bool) -> list[int]:
        """Token ids of a text; with ``add_special`` framed as the model wants it."""
        ...

    def markers(self) -> list[str]:
        """Texts that mean something to the engine and must not be typed."""
        ...

    def close(self) -> None:
        """Free the model. No other call may run or follow."""
        ...


class LlamaEngine:
    """llama.cpp inside this process."""

    def __init__(self, program: LlamaProgram, control_socket: Path) -> None:
        """Load the model.

        Args:
            program: How to load it.
            control_socket: Path for the engine's own listener, in a private directory. It must end
                in ``.sock`` (anything else would be a TCP host name); used for tokenizing only.

        Raises:
            EngineError: The file is missing or not a model that llama.cpp can load.
        """
        self.header = read_header(program.model_path, vocabulary=True)
        if program.options.chat_template is not None:
            self.header.values[CHAT_TEMPLATE] = program.options.chat_template
        self.sees_images = program.options.projector is not None
        trained = self.header.context_tokens or program.context_tokens
        self.context_tokens = min(program.context_tokens, trained)
        self._control_socket = str(control_socket)
        params = _parameters(program, self.context_tokens, control_socket)
        control_socket.unlink(missing_ok=True)
        try:
            self._server = xllamacpp.Server(params)
        except (RuntimeError, ValueError):
            # The exception only says that it failed; llama.cpp has written why to standard error.
            raise EngineError(
                f"llama.cpp cannot load {str(program.model_path)!r}: the file is incomplete, its "
                f"architecture {self.header.architecture or 'unknown'!r} is not supported, or "
                "a LoRA adapter or projector does not belong to it"
            ) from None

    def generate(self, request: EngineRequest, on_event: OnEvent) -> None:
        """See ``Engine``."""
        run = (
            self._server.handle_chat_completions
            if request.kind == "chat"
            else self._server.handle_completions
        )
        try:
            run(orjson.dumps(request.body), on_event)
        except (ValueError, RuntimeError) as error:
            raise RequestRefused(str(error)) from None

    def embed(self, inputs: Sequence[str | list[int]]) -> dict[str, Any]:
        """See ``Engine``."""
        body = orjson.dumps({"input": inputs, "encoding_format": "base64"})
        try:
            reply: dict[str, Any] = orjson.loads(self._server.handle_embeddings(body))
        except (ValueError, RuntimeError) as error:
            raise RequestRefused(str(error)) from None
        return reply

    def tokenize(self, text: str, *, add_special: bool) -> list[int]:
        """See ``Engine``."""
        connection = _UnixConnection(self._control_socket)
        try:
            body = json.dumps({"content": text, "add_special": add_special, "parse_special": False})
            connection.request("POST", "/tokenize", body, {"content-type": "application/json"})
            tokens: list[int] = orjson.loads(connection.getresponse().read())["tokens"]
        finally:
            connection.close()
        return tokens

    def markers(self) -> list[str]:
        """See ``Engine``."""
        images = [IMAGE_MARKER] if self.sees_images else []
        return [*self.header.marker_tokens(), *images]

    def close(self) -> None:
        """See ``Engine``."""
        del self._server
        Path(self._control_socket).unlink(missing_ok=True)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _parameters(program: LlamaProgram, context_tokens: int, control_socket: Path) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = os.fspath(program.model_path)
    params.verbosity = 1  # errors only, to standard error
    params.n_parallel = program.slots
    params.n_ctx = context_tokens * program.slots
    params.cpuparams.n_threads = program.threads
    params.cpuparams_batch.n_threads = program.threads
    params.hostnames = [str(control_socket)]
    params.n_threads_http = 1
    params.ui = False
    params.endpoint_slots = False
    params.endpoint_props = False
    params.cache_ram_mib = 0  # no second copy of finished prompts; slots keep their own
    params.prefill_assistant = False  # a last assistant message is history, not a beginning
    params.n_batch = params.n_ubatch = PROMPT_BATCH_TOKENS
    if program.kind == "embedding":
        params.embedding = True
        batch = min(context_tokens, ENCODER_BATCH_TOKENS)
        params.n_batch = params.n_ubatch = batch
    _add_options(params, program.options)
    return params


def _add_options(params: Any, options: LlamaOptions) -> None:
    if options.loras:
        params.lora_adapters = [_adapter(lora) for lora in options.loras]
    if options.projector is not None:
        params.mmproj.path = os.fspath(options.projector)
        params.mmproj_use_gpu = False
    if options.chat_template is not None:
        params.chat_template = options.chat_template
    if options.pooling is not None:
        params.pooling_type = _POOLING[options.pooling]


def _adapter(lora: Lora) -> Any:
    adapter = xllamacpp.CommonAdapterLoraInfo()
    adapter.path, adapter.scale = os.fspath(lora.path), lora.scale
    return adapter
