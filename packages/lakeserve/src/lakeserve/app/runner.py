"""What starts workers where the settings want them."""

import contextlib
import hashlib

from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings
from lakeserve.workers.confinement import shortcoming
from lakeserve.workers.landlock import abi
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import Runner
from lakeserve.workers.ray_cluster import RayCluster
from lakeserve.workers.ray_runner import RayRunner


async def open_runner(stack: contextlib.AsyncExitStack, settings: Settings) -> Runner:
    """A runner, which the stack closes.

    Raises:
        ConfigurationError: Models must be isolated, and this machine cannot do it.
    """
    if settings.runner == "process":
        if settings.model_isolation == "required" and (lacking := shortcoming(abi())) is not None:
            raise ConfigurationError(f"model_isolation is 'required', and {lacking}")
        return ProcessRunner()
    # Two platforms on one cluster do not see each other's actors.
    namespace = f"lakeserve-{hashlib.sha256(bytes(settings.data_dir)).hexdigest()[:12]}"
    cluster = RayCluster(settings.ray_address, namespace)
    await cluster.connect()
    runner = RayRunner(cluster)
    stack.push_async_callback(runner.aclose)
    return runner
