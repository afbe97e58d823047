"""A stand-in for vLLM: it takes some of ``vllm serve``'s arguments and speaks its protocol.

No GPU and no vLLM is needed, and nothing is generated: it shows that the platform starts, watches,
asks and ends such a server as it should, not that vLLM does what it is asked.
"""

import argparse
import asyncio
import contextlib
import json
import os
from typing import Any


class Server:
    """What vLLM answers, as far as workers need it."""

    def __init__(self, name: str, arguments: dict[str, Any]) -> None:
        self._name = name
        self._arguments = arguments
        self._running = 0
        self._succeeded = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                length = 0
                for line in head.splitlines():
                    if line.lower().startswith("content-length:"):
                        length = int(line.partition(":")[2])
                body = await reader.readexactly(length)
                status, answer = await self._answer(method, path, body)
                kind = "text/plain" if path == "/metrics" else "application/json"
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n"
                    f"content-length: {len(answer)}\r\n\r\n".encode()
                    + answer
                )
                await writer.drain()
                if "connection: close" in head.lower():
                    break
        writer.close()

    async def _answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/health":
            return 200, b""
        if path == "/metrics":
            return 200, self._metrics()
        if (method, path) != ("POST", "/v1/chat/completions"):
            return 404, b'{"detail":"Not Found"}'
        asked = json.loads(body)
        if asked["model"] != self._name:
            error = {"message": f"The model `{asked['model']}` does not exist.", "code": 404}
            return 404, json.dumps({"error": error}).encode()
        self._running += 1
        try:
            await asyncio.sleep(float(asked.get("seed") or 0))
        finally:
            self._running -= 1
        self._succeeded += 1
        told = {**self._arguments, "environment": dict(os.environ)}
        message = {"role": "assistant", "content": json.dumps(told)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": self._name}
        return 200, json.dumps({**answer, "choices": [choice], "usage": usage}).encode()

    def _metrics(self) -> bytes:
        label = f'{{engine="0",model_name="{self._name}"}}'
        return (
            "# HELP vllm:num_requests_running Number of requests.\n"
            f"vllm:num_requests_running{label} {self._running}.0\n"
            f"vllm:num_requests_waiting{label} 0.0\n"
            f"vllm:request_success_total{label} {self._succeeded}.0\n"
        ).encode()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["serve"])
    parser.add_argument("model")
    parser.add_argument("--uds", required=True)
    parser.add_argument("--served-model-name", required=True)
    parser.add_argument("--disable-uvicorn-access-log", action="store_true", required=True)
    parser.add_argument("--max-model-len", type=int)
    parser.add_argument("--start-after", type=float, default=0.0)
    given = parser.parse_args()
    await asyncio.sleep(given.start_after)
    server = Server(given.served_model_name, vars(given))
    listening = await asyncio.start_unix_server(server.serve, given.uds)
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
