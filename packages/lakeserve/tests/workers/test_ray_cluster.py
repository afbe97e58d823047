"""What can be said where Ray is not installed; tests/e2e/test_ray.py has the rest."""

import importlib.util
import socket

import pytest
from lakeserve.core.errors import ConfigurationError
from lakeserve.workers.ray_cluster import RayCluster


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed here")
async def test_ray_is_an_extra() -> None:
    with pytest.raises(ConfigurationError, match=r"pip install 'lakeserve\[ray\]'"):
        await RayCluster("auto", "n").connect()


async def test_a_head_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match="no Ray head answers there"):
            await RayCluster(address, "n").connect()
