"""A gateway before real upstreams."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gateway.stage import Stage, open_stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A gateway whose endpoints lead to strict upstreams on a unix socket and on TCP."""
    with tempfile.TemporaryDirectory(prefix="gw") as folder:  # socket paths must be short
        async with open_stage(Path(folder)) as opened:
            yield opened
