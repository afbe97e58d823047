"""The program of a gateway process, told what to do by hand."""

import asyncio
import subprocess
import sys
from pathlib import Path

from lakeserve.app.listening import listen
from lakeserve.app.orders import Orders
from lakeserve.app.sockets import Sockets
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage


async def test_it_serves_until_its_input_ends(tmp_path: Path) -> None:
    await (await Storage.open(tmp_path / "lakeserve.db")).close()
    with listen("127.0.0.1", 0) as listener:
        orders = Orders(Settings(data_dir=tmp_path), listener.fileno(), 7, Sockets.within(tmp_path))
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "lakeserve.app.gateway_process"],
            input=orders.text() + "\n",
            pass_fds=(listener.fileno(),),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr
