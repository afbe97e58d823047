"""vLLM's server as a worker: its command line from options. Pure.

https://docs.vllm.ai/en/latest/cli/serve/ has the arguments.
"""

from lakeserve.foundation_settings import VllmServer
from lakeserve.workers.protocols import Resources
from lakeserve.workers.server_command import ServerCommand

# Nothing is reported to anybody, and nothing fetched: the model is a directory of this machine.
VARIABLES = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
}
GAUGES = ("vllm:num_requests_running", "vllm:num_requests_waiting")
COUNTERS = ("vllm:request_success_total", "vllm:prompt_tokens_total")


def vllm_program(
    server: VllmServer, name: str, *, embeddings: bool, port: bool = False
) -> ServerCommand:
    """The worker's program.

    Args:
        server: What the settings say.
        name: What the model is to be called.
        embeddings: Whether it is to make vectors instead of text.
        port: Whether it is to listen on a port, for callers of other machines.
    """
    where = ("--host", "{host}", "--port", "{port}") if port else ("--uds", "{socket}")
    words = [
        *(server.executable, "serve", server.vllm, *where),
        *("--served-model-name", "{name}"),
        *("--disable-uvicorn-access-log",),
    ]
    for option, value in {
        "--max-model-len": server.max_model_len,
        "--max-num-seqs": server.max_num_seqs,
        "--tensor-parallel-size": server.tensor_parallel_size,
        "--pipeline-parallel-size": server.pipeline_parallel_size,
        "--gpu-memory-utilization": server.gpu_memory_utilization,
        "--dtype": server.dtype,
        "--quantization": server.quantization,
        "--chat-template": server.chat_template,
        "--reasoning-parser": server.reasoning_parser,
    }.items():
        if value is not None:
            words += [option, str(value)]
    if server.tool_call_parser is not None:
        words += ["--enable-auto-tool-choice", "--tool-call-parser", server.tool_call_parser]
    if server.loras:
        words += ["--enable-lora", "--lora-modules"]
        words += [f"{lora}={path}" for lora, path in sorted(server.loras.items())]
    if embeddings:
        words += ["--runner", "pooling"]
    return ServerCommand(
        (*words, *server.arguments),
        name,
        gauges=GAUGES,
        counters=COUNTERS,
        variables=VARIABLES,
        bearer_variable="VLLM_API_KEY",
    )


def vllm_resources(server: VllmServer) -> Resources:
    """A GPU for each part of the model."""
    return Resources(1.0, (server.tensor_parallel_size or 1) * (server.pipeline_parallel_size or 1))
