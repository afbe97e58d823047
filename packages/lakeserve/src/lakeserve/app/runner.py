"""What starts workers where the settings want them."""

import contextlib
import hashlib

from lakeserve.settings import Settings
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import Runner
from lakeserve.workers.ray_cluster import RayCluster
from lakeserve.workers.ray_runner import RayRunner


async def open_runner(stack: contextlib.AsyncExitStack, settings: Settings) -> Runner:
    """A runner, which the stack closes."""
    if settings.runner == "process":
        return ProcessRunner()
    # Two platforms on one cluster do not see each other's actors.
    namespace = f"lakeserve-{hashlib.sha256(bytes(settings.data_dir)).hexdigest()[:12]}"
    cluster = RayCluster(settings.ray_address, namespace)
    await cluster.connect()
    runner = RayRunner(cluster)
    stack.push_async_callback(runner.aclose)
    return runner
