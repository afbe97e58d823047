from pathlib import Path

import pytest
from lakeserve.app.listening import listen
from lakeserve.app.platform import Platform
from lakeserve.app.run_file import own_data_directory
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings


@pytest.mark.parametrize("workers", [0, 2])
async def test_a_platform_that_cannot_have_its_port_leaves_nothing(
    tmp_path: Path, workers: int
) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        settings = Settings(data_dir=tmp_path, port=port, gateway_workers=workers)
        with pytest.raises(ConfigurationError, match=f"port {port} on 127.0.0.1 is taken"):
            async with Platform(settings):
                pass
    assert not (tmp_path / "lakeserve.db").exists()
    with own_data_directory(tmp_path):
        pass


async def test_a_data_directory_with_an_owner_is_left_alone(tmp_path: Path) -> None:
    with (
        own_data_directory(tmp_path),
        pytest.raises(ConfigurationError, match="another lakeserve uses"),
    ):
        async with Platform(Settings(data_dir=tmp_path, port=0)):
            pass
