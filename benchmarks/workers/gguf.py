"""Tokens per CPU second of one GGUF worker, with one chat stream and with several at a time.

Run as ``python benchmarks/workers/gguf.py [MODEL.gguf]``. It starts the worker as the platform
does and streams answers of a fixed number of tokens from it, in interleaved turns. What is measured
is the CPU time of the worker's process, its HTTP interface included. ``--openvino PYTHON`` names an
environment with openvino-genai, which then generates from the same file in the same turns, without
any HTTP interface.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from lakeserve.workers.gguf_header import read_header
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import Worker, WorkerSpec

HERE = Path(__file__).parent
STREAMS = (1, 8, 32)
TOKENS = 100
ROUNDS = 5


@dataclass(frozen=True)
class Turn:
    """One measurement.

    Attributes:
        tokens: Of all streams together.
        first_s: Until the slowest stream had its first token.
        last_s: Until the slowest stream was over.
        fairness: Time of the quickest stream divided by that of the slowest.
    """

    tokens: int
    cpu_s: float
    first_s: float
    last_s: float
    fairness: float

    @property
    def rate(self) -> float:
        """Tokens per CPU second."""
        return self.tokens / self.cpu_s


def never_ending(model: Path) -> dict[str, int]:
    """A logit bias under which no answer ends by itself."""
    header = read_header(model, vocabulary=True)
    tokens = header.arrays["tokenizer.ggml.tokens"]
    return {str(tokens.index(marker)): -100 for marker in header.marker_tokens()}


async def stream(
    socket: str, number: int, bias: dict[str, int], tokens: int = TOKENS
) -> tuple[int, float, float]:
    """The tokens of one answer, and when its first and its last came."""
    content = f"Tell me something about topic {number}, please."
    body = json.dumps({
        "messages": [{"role": "user", "content": content}],
        "max_tokens": tokens, "temperature": 0, "stream": True, "logit_bias": bias,
    }).encode()  # fmt: skip
    reader, writer = await asyncio.open_unix_connection(socket)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: w\r\nContent-Length: {len(body)}\r\n"
    began = time.perf_counter()
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    got, first = 0, 0.0
    async for line in reader:
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            if not first and event["choices"] and event["choices"][0]["delta"].get("content"):
                first = time.perf_counter() - began
            if event.get("usage"):
                got = event["usage"]["completion_tokens"]
    writer.close()
    return got, first, time.perf_counter() - began


async def left(socket: str, bias: dict[str, int], *, streamed: bool) -> float:
    """Seconds from a caller's leaving until the next one, who needs its slot, has an answer."""
    message = {"role": "user", "content": "Tell me a very long story."}
    fields = {"messages": [message], "stream": streamed, "logit_bias": bias}
    body = json.dumps(fields).encode()
    _, writer = await asyncio.open_unix_connection(socket)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: w\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    await asyncio.sleep(0.3)  # it is being generated for, and would be for a second or more
    writer.transport.abort()
    _, _, waited = await stream(socket, 0, bias, tokens=1)
    return waited


async def measure(worker: Worker, count: int, bias: dict[str, int]) -> Turn:
    """One turn of that many streams at a time."""
    process = psutil.Process(worker.pid)
    before = sum(process.cpu_times()[:2])
    socket = str(worker.address.uds)
    ends = await asyncio.gather(*(stream(socket, number, bias) for number in range(count)))
    used = sum(process.cpu_times()[:2]) - before
    last = [end for _, _, end in ends]
    return Turn(
        sum(tokens for tokens, _, _ in ends),
        used,
        max(first for _, first, _ in ends),
        max(last),
        min(last) / max(last),
    )


async def measure_leaving(spec: WorkerSpec, bias: dict[str, int]) -> dict[bool, float]:
    """The worst of ten, for a caller of a stream and for one of a whole answer."""
    worker = await ProcessRunner().start(spec)
    await worker.ready()
    socket = str(worker.address.uds)
    await left(socket, bias, streamed=True)
    found = {
        streamed: max([await left(socket, bias, streamed=streamed) for _ in range(10)])
        for streamed in (True, False)
    }
    await worker.stop(0)
    return found


class Peer:
    """openvino-genai in an environment of its own; it measures one turn per line it is sent."""

    def __init__(self, python: str, model: Path) -> None:
        self._process = subprocess.Popen(
            [python, str(HERE / "openvino_peer.py"), str(model), str(TOKENS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, count: int) -> Turn:
        """One turn of that many streams at a time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        return Turn(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


def report(name: str, turns: dict[int, list[Turn]]) -> None:
    """Print medians, and ratios to one stream."""
    alone = statistics.median(turn.rate for turn in turns[1])
    for count, found in turns.items():
        rate = statistics.median(turn.rate for turn in found)
        first = statistics.median(turn.first_s for turn in found)
        fairness = min(turn.fairness for turn in found)
        print(
            f"{name:<10} {count:>3} streams {rate:>8.0f} tokens/CPU-s  x{rate / alone:.2f}"
            f"  slowest first token {first * 1000:>6.0f} ms  quickest/slowest {fairness:.2f}"
        )


async def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, nargs="?", help="a GGUF chat model; the demo model")
    parser.add_argument("--openvino", metavar="PYTHON", help="Python with openvino-genai")
    parser.add_argument("--slots", type=int, default=max(STREAMS))
    arguments = parser.parse_args()
    if arguments.model is None:
        from lakeserve_demo_model import model_path

        arguments.model = Path(model_path())
    bias = never_ending(arguments.model)
    ours: dict[int, list[Turn]] = {count: [] for count in STREAMS}
    theirs: dict[int, list[Turn]] = {count: [] for count in STREAMS}
    with tempfile.TemporaryDirectory(prefix="lsb") as folder:
        program = LlamaProgram(
            arguments.model, "m", "chat", slots=arguments.slots, context_tokens=512
        )
        spec = WorkerSpec("b" * 32, "m", program, 60, Path(folder, "s"), Path(folder, "log"))
        worker = await ProcessRunner().start(spec)
        await worker.ready()
        peer = Peer(arguments.openvino, arguments.model) if arguments.openvino else None
        for turn in range(ROUNDS + 1):
            for count in STREAMS:
                found = await measure(worker, count, bias)
                if turn:  # the first one only warms up
                    ours[count].append(found)
                if peer is not None:
                    other = await asyncio.to_thread(peer.measure, count)
                    if turn:
                        theirs[count].append(other)
        if peer is not None:
            peer.close()
        await worker.stop(0)
        leaving = await measure_leaving(replace(spec, program=replace(program, slots=1)), bias)
    report("llama.cpp", ours)
    for streamed, seconds in leaving.items():
        kind = "streamed" if streamed else "whole"
        print(
            f"generation stops {seconds * 1000:.0f} ms after its caller left ({kind}, worst of 10)"
        )
    if arguments.openvino:
        report("openvino", theirs)


if __name__ == "__main__":
    asyncio.run(main())
