"""What may serve a name of the foundation catalogue, as the settings say it."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class Section(BaseModel):
    """A table of the settings: it cannot be changed and has no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def checked_address(value: str) -> str:
    """An http or https address without its last slash.

    Raises:
        ValueError: It is none.
    """
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{value!r} is not an http:// or https:// address")
    return value.rstrip("/")


class Upstream(Section):
    """An OpenAI-compatible server that answers for a foundation endpoint.

    Attributes:
        url: Everything before ``/chat/completions`` or ``/embeddings``.
        model: The model's name there; the endpoint's own name when left out.
        api_key: Sent as a bearer token.
    """

    url: str
    model: str | None = None
    api_key: SecretStr | None = None

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        return checked_address(value)


class ServedModel(Section):
    """A model of this machine, with how it is to be served.

    Attributes:
        model: ``demo``, ``minilm``, the name of an added model, or the path of a GGUF file.
        replicas: Workers that share the calls.
        max_replicas: Workers that share them when there are many; needs a ``concurrency``.
        concurrency: Calls that they answer at a time, as many as they may be, all together;
            ``engine.slots`` for each of them when left out.
        scale_to_zero: Whether the workers end when nobody has called for ``engine.idle_timeout_s``.
    """

    model: str
    replicas: int = Field(default=1, ge=1, le=64)
    max_replicas: int | None = Field(default=None, ge=1, le=64)
    concurrency: int | None = Field(default=None, ge=1, le=1024)
    scale_to_zero: bool = False

    @model_validator(mode="after")
    def _grows(self) -> "ServedModel":
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise ValueError(
                f"max_replicas is {self.max_replicas}, but {self.replicas} replicas always run"
            )
        if self.max_replicas is not None and self.concurrency is None:
            raise ValueError("max_replicas needs a concurrency: it says when a replica is full")
        return self


class ServerProgram(Section):
    """A program of this machine that speaks the OpenAI protocol under ``/v1``; a worker runs it.

    Attributes:
        command: Its command line. ``{socket}``, or ``{host}`` and ``{port}``, say where it is to
            listen; ``{name}`` is what its model is to be called.
        health: Path that answers 200 when it is ready.
        start_timeout_s: A server that is not ready after this many seconds counts as failed.
        replicas: How many run and share the calls.
        cpus: What one of them takes of a Ray cluster; GPUs likewise.
    """

    command: tuple[str, ...] = Field(min_length=1)
    health: str = Field(default="/health", pattern=r"^/[^\s]*$")
    start_timeout_s: float = Field(default=600.0, gt=0)
    replicas: int = Field(default=1, ge=1, le=64)
    cpus: float = Field(default=1.0, ge=0)
    gpus: float = Field(default=0.0, ge=0)

    @field_validator("command")
    @classmethod
    def _says_where(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not any("{socket}" in word or "{port}" in word for word in value):
            raise ValueError("the command must hold {socket} or {port}: where is it to listen?")
        return value


class VllmServer(Section):
    """A model served by vLLM, which a worker runs; vLLM's own names and defaults.

    Attributes:
        vllm: Directory of the model.
        executable: The ``vllm`` program.
        loras: Directories of adapters by the name that calls them.
        arguments: Further arguments of ``vllm serve``, as they are.
        start_timeout_s: A server that is not ready after this many seconds counts as failed.
        replicas: How many run and share the calls.
    """

    vllm: str = Field(pattern=r"^/")
    executable: str = "vllm"
    max_model_len: int | None = Field(default=None, ge=1)
    max_num_seqs: int | None = Field(default=None, ge=1)
    tensor_parallel_size: int | None = Field(default=None, ge=1)
    pipeline_parallel_size: int | None = Field(default=None, ge=1)
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] | None = None
    quantization: str | None = None
    chat_template: str | None = None
    reasoning_parser: str | None = None
    tool_call_parser: str | None = None
    loras: dict[str, str] = Field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    start_timeout_s: float = Field(default=600.0, gt=0)
    replicas: int = Field(default=1, ge=1, le=64)


Foundation = str | Upstream | ServedModel | ServerProgram | VllmServer
