"""vLLM's command line; and its life as a worker, with a stand-in that speaks its protocol."""

import asyncio
import json
import sys
import time
from pathlib import Path

import orjson
import psutil
import pytest
from lakeserve.core.errors import EngineError
from lakeserve.foundation_settings import VllmServer
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import Worker, WorkerSpec
from lakeserve.workers.vllm import vllm_program
from workers.unix_http import send
from workers.waiting import until

STAND_IN = Path(__file__).with_name("stand_in_vllm.py")
HI = [{"role": "user", "content": "Hi"}]


def test_options_become_vllms_arguments() -> None:
    server = VllmServer(
        vllm="/models/qwen",
        max_model_len=4096,
        max_num_seqs=32,
        tensor_parallel_size=2,
        gpu_memory_utilization=0.8,
        dtype="bfloat16",
        tool_call_parser="hermes",
        loras={"b": "/loras/b", "a": "/loras/a"},
        arguments=("--enable-prefix-caching",),
    )
    words = list(vllm_program(server, "mine", embeddings=False).words)
    assert words[:6] == [
        "vllm",
        "serve",
        "/models/qwen",
        "--uds",
        "{socket}",
        "--served-model-name",
    ]
    text = " ".join(words)
    for part in (
        "--max-model-len 4096",
        "--max-num-seqs 32",
        "--tensor-parallel-size 2",
        "--gpu-memory-utilization 0.8",
        "--dtype bfloat16",
        "--enable-auto-tool-choice --tool-call-parser hermes",
        "--enable-lora --lora-modules a=/loras/a b=/loras/b",
    ):
        assert part in text
    assert words[-1] == "--enable-prefix-caching"
    assert "--pipeline-parallel-size" not in words
    assert "pooling" in vllm_program(server, "mine", embeddings=True).words


def test_vllm_reports_nothing_and_fetches_nothing() -> None:
    variables = vllm_program(VllmServer(vllm="/m"), "mine", embeddings=False).environment()
    assert variables["VLLM_NO_USAGE_STATS"] == variables["HF_HUB_OFFLINE"] == "1"


@pytest.fixture
def executable(tmp_path: Path) -> str:
    path = tmp_path / "vllm"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n')
    path.chmod(0o700)
    return str(path)


async def start(server: VllmServer, data_dir: Path, timeout_s: float = 60) -> Worker:
    program = vllm_program(server, "mine", embeddings=False)
    sockets, log = data_dir / "v", data_dir / "vllm.log"
    spec = WorkerSpec("cd" * 16, "mine", program, timeout_s, sockets, log, bearer="right")
    return await ProcessRunner().start(spec)


def ask(worker: Worker, **fields: object) -> tuple[int, dict[str, object]]:
    body = {"model": "mine", "messages": HI, **fields}
    status, data = send(str(worker.address.uds), "/v1/chat/completions", body)
    return status, orjson.loads(data)


async def test_a_stand_in_serves_and_ends(executable: str, data_dir: Path) -> None:
    server = VllmServer(vllm="/models/qwen", executable=executable, max_model_len=512)
    worker = await start(server, data_dir)
    await worker.ready()
    pulse = await worker.pulse(5)
    assert pulse is not None
    assert pulse.active == 0
    status, answer = ask(worker)
    told = json.loads(answer["choices"][0]["message"]["content"])  # type: ignore[index]
    assert (status, told["model"], told["max_model_len"]) == (200, "/models/qwen", 512)
    assert told["environment"]["VLLM_NO_USAGE_STATS"] == "1"
    assert told["environment"]["VLLM_API_KEY"] == "right"
    assert ask(worker, model="other")[0] == 404

    busy = asyncio.ensure_future(asyncio.to_thread(ask, worker, seed=1))
    for _ in range(500):
        pulse = await worker.pulse(5)
        if pulse is not None and pulse.active:
            break
        await asyncio.sleep(0.01)
    assert pulse is not None
    assert (pulse.active, pulse.idle_s) == (1, 0)
    # It would end at once with SIGTERM: the platform waits for the call itself.
    await worker.stop(30)
    assert (await busy)[0] == 200
    assert await worker.exited() == "worker 'mine' was stopped"


async def test_a_server_that_is_not_there(data_dir: Path) -> None:
    worker = await start(VllmServer(vllm="/m", executable="/none/vllm"), data_dir)
    with pytest.raises(EngineError, match="cannot run '/none/vllm': No such file"):
        await worker.ready()


async def test_a_server_that_refuses_its_arguments(executable: str, data_dir: Path) -> None:
    server = VllmServer(vllm="/m", executable=executable, arguments=("--what",))
    worker = await start(server, data_dir)
    with pytest.raises(EngineError, match=r"exit code 2[\s\S]*unrecognized arguments: --what"):
        await worker.ready()


async def test_a_server_that_takes_too_long(executable: str, data_dir: Path) -> None:
    server = VllmServer(vllm="/m", executable=executable, arguments=("--start-after", "60"))
    worker = await start(server, data_dir, timeout_s=0.3)
    with pytest.raises(EngineError, match="not ready after"):
        await worker.ready()
    keeper = psutil.Process(worker.pid)
    await until(lambda: bool(keeper.children()))
    children = keeper.children(recursive=True)
    began = time.monotonic()
    await worker.stop(5)
    assert time.monotonic() - began < 60
    await until(lambda: not any(child.is_running() for child in children))
