"""What Ray costs per request: Ray Serve behind HAProxy, and plain actors that are called directly.

Run with a Python that has ``ray[serve]`` and ``psutil``. Both answer the same few bytes, so
that what is measured is the way to them: CPU time of every process of the cluster per request, in
interleaved turns, and how soon each is ready, and ready again after a kill. Everything stays on the
loopback address.
"""

import asyncio
import os
import signal
import statistics
import time

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_raylet_start_wait_time_s"] = "120"  # noqa: SIM112  Ray spells it so
os.environ["RAY_SERVE_ENABLE_HA_PROXY"] = "1"

import psutil
import ray
from ray import serve

CLIENTS = (1, 8, 32)
REQUESTS = 600
TURNS = 3
BODY = b'{"ok": true}'


class App:
    """The smallest ASGI application that answers."""

    async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]
        """Answer a request."""
        if scope["type"] != "http":
            return
        head = [(b"content-type", b"application/json"), (b"content-length", b"12")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": BODY})


@serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 0.5})
@serve.ingress(App())
class Served:
    """The application behind Ray Serve."""

    def pid(self) -> int:
        """The replica's process."""
        return os.getpid()


@ray.remote(num_cpus=0.5, max_restarts=-1)
class Host:
    """The application in an actor, on a port of its own."""

    async def run(self) -> tuple[int, int]:
        """Start to serve; the port and the process."""
        import socket

        import uvicorn

        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        config = uvicorn.Config(App(), lifespan="off", log_config=None, access_log=False)
        self._serving = asyncio.ensure_future(uvicorn.Server(config).serve([listener]))
        return listener.getsockname()[1], os.getpid()


async def ask(port: int, requests: int) -> list[float]:
    """Requests one after the other, on a new connection where one was closed; their times."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times: list[float] = []
    while len(times) < requests:
        began = time.perf_counter()
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            if not times:
                raise
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            continue
        assert b" 200 " in head.split(b"\r\n", 1)[0], head
        if b"chunked" in head.lower():
            await reader.readuntil(b"0\r\n\r\n")
        else:
            await reader.readexactly(len(BODY))
        times.append(time.perf_counter() - began)
    writer.close()
    return times


def cpu_s(processes: list[psutil.Process]) -> float:
    """CPU time of all of these."""
    return sum(sum(process.cpu_times()[:2]) for process in processes if process.is_running())


async def turn(ports: list[int], clients: int) -> tuple[float, float]:
    """CPU milliseconds per request, and the median time of one in milliseconds."""
    processes = psutil.Process().children(recursive=True)
    before = cpu_s(processes)
    each = REQUESTS // clients
    times = await asyncio.gather(
        *(ask(ports[number % len(ports)], each) for number in range(clients))
    )
    used = cpu_s(processes) - before
    flat = [one for some in times for one in some]
    return 1000 * used / len(flat), 1000 * statistics.median(flat)


async def until_answers(port: int) -> None:
    """Wait until a request is answered with 200."""
    while not await answers(port):  # noqa: ASYNC110  another process is waited for
        await asyncio.sleep(0.02)


async def answers(port: int) -> bool:
    """Whether a request is answered with 200 now."""
    try:
        await ask(port, 1)
    except (OSError, AssertionError, asyncio.IncompleteReadError):
        return False
    return True


async def main() -> None:
    """Measure and report."""
    began = time.perf_counter()
    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=80_000_000,
             log_to_driver=False)  # fmt: skip
    print(f"ray.init {time.perf_counter() - began:.1f} s")
    began = time.perf_counter()
    hosts = [Host.remote() for _ in range(2)]  # type: ignore[attr-defined]
    placed = await asyncio.gather(*(host.run.remote() for host in hosts))
    await asyncio.gather(*(until_answers(port) for port, _ in placed))
    print(f"two actors ready after {time.perf_counter() - began:.1f} s")
    began = time.perf_counter()
    await asyncio.to_thread(serve.start, http_options={"host": "127.0.0.1", "port": 18_000})
    await asyncio.to_thread(serve.run, Served.bind())  # type: ignore[attr-defined]
    await until_answers(18_000)
    print(f"Ray Serve with two replicas ready after {time.perf_counter() - began:.1f} s")
    paths = {"actors": [port for port, _ in placed], "Ray Serve": [18_000]}
    for clients in CLIENTS:
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in paths}
        for _ in range(TURNS):
            for name, ports in paths.items():
                found[name].append(await turn(ports, clients))
        for name, turns in found.items():
            cpu = statistics.median(one for one, _ in turns)
            wait = statistics.median(one for _, one in turns)
            print(f"{clients:>3} clients {name:<10} {cpu:.2f} ms CPU a request, p50 {wait:.2f} ms")
    began = time.perf_counter()
    os.kill(placed[0][1], signal.SIGKILL)
    while True:
        try:
            port, _ = await hosts[0].run.remote()
            break
        except ray.exceptions.RayError:
            await asyncio.sleep(0.05)
    await until_answers(port)
    print(f"a killed actor answers again after {time.perf_counter() - began:.1f} s")
    await asyncio.to_thread(serve.shutdown)
    ray.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
