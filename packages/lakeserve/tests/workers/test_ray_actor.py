"""What runs in an actor, without Ray: programs on a port of this machine."""

import asyncio
import pickle
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.protocols import WorkerSpec
from lakeserve.workers.ray_actor import ProgramHost
from lakeserve.workers.server_command import ServerCommand


async def test_programs_run_one_after_the_other(demo_spec: WorkerSpec) -> None:
    host = ProgramHost("127.0.0.1")
    assert await host.ended() == "no program was started"
    spec = pickle.loads(pickle.dumps(replace(demo_spec, bearer="right")))
    first = await host.run(spec)
    assert (first.host, first.failure) == ("127.0.0.1", None)
    url = f"http://127.0.0.1:{first.port}/health"
    page = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=30).read())
    assert b'"status":"ready"' in page
    assert await _status(first.port, {}) == 401
    assert await _status(first.port, {"Authorization": "Bearer of-old"}) == 401
    assert await _status(first.port, {"Authorization": "Bearer right"}) == 200
    ending = asyncio.ensure_future(host.ended())
    await asyncio.sleep(0)  # it has begun to wait
    second = await host.run(spec)
    assert "was stopped" in await ending
    assert second.port
    await host.stop(5)
    assert not demo_spec.log_path.exists()


async def _status(port: int, headers: dict[str, str]) -> int:
    """How a question to the model is answered."""
    body = b'{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1}'
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        body,
        {"Content-Type": "application/json", **headers},
    )

    def ask() -> int:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    return await asyncio.to_thread(ask)


async def test_why_a_program_does_not_run(demo_spec: WorkerSpec) -> None:
    host = ProgramHost("127.0.0.1")
    missing = LlamaProgram(Path("/none.gguf"), "m", "chat")
    outcome = await host.run(replace(demo_spec, program=missing))
    assert "cannot read the model file '/none.gguf'" in (outcome.failure or "")
    deaf = ServerCommand(("srv", "{socket}"), "m")
    outcome = await host.run(replace(demo_spec, program=deaf))
    assert "needs {host} and {port}" in (outcome.failure or "")
