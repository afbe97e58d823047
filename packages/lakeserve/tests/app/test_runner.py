import contextlib
from pathlib import Path

from lakeserve.app.runner import open_runner
from lakeserve.settings import Settings
from lakeserve.workers.process import ProcessRunner


async def test_workers_are_processes_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        assert isinstance(await open_runner(stack, Settings(data_dir=tmp_path)), ProcessRunner)
