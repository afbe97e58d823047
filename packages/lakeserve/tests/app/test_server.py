import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from lakeserve.app.listening import listen
from lakeserve.app.server import Serving
from lakeserve.settings import Settings


async def tell_caller(scope: Any, _receive: Any, send: Any) -> None:
    body = json.dumps([scope["client"][0], scope["scheme"]]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def ask(port: int) -> Any:
    headers = {"x-forwarded-for": "10.1.2.3", "x-forwarded-proto": "https"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)


@pytest.mark.parametrize("behind", [False, True])
async def test_only_gateways_are_believed_who_calls(tmp_path: Path, behind: bool) -> None:
    with listen("127.0.0.1", 0) as listener:
        serving = Serving(tell_caller, Settings(data_dir=tmp_path), listener, behind=behind)
        await serving.begun()
        told = await asyncio.to_thread(ask, listener.getsockname()[1])
        await serving.stop()
    assert told == (["10.1.2.3", "https"] if behind else ["127.0.0.1", "http"])
