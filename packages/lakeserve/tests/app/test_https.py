import asyncio
import ssl
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from lakeserve.app.https import serving_https
from lakeserve.app.listening import listen
from lakeserve.control.certificate import certificate_files
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings


async def say_scheme(scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["scheme"].encode()})


def ask(port: int, authority: Path) -> bytes:
    context = ssl.create_default_context(cafile=authority)
    with urllib.request.urlopen(f"https://127.0.0.1:{port}/", context=context, timeout=10) as reply:
        body: bytes = reply.read()
        return body


async def test_it_serves_with_a_certificate_that_clients_can_trust(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, tls=True)
    with listen("127.0.0.1", 0) as listener:
        async with serving_https(say_scheme, settings, listener):
            port = listener.getsockname()[1]
            authority = certificate_files(settings).certificate
            assert await asyncio.to_thread(ask, port, authority) == b"https"


async def test_a_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("words")
    settings = Settings(data_dir=tmp_path, tls=True, tls_certificate=tmp_path / "c.pem")
    with listen("127.0.0.1", 0) as listener, pytest.raises(ConfigurationError, match=r"c\.pem"):
        async with serving_https(say_scheme, settings, listener):
            pass
