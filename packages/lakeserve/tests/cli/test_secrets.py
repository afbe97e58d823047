import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from lakeserve.cli.main import cli
from lakeserve.control.secrets.keys import open_key_ring, read_key_file
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.crypto import new_master_key, parse_master_keys
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "TOKEN", "HOST", "PORT", "CONFIG", "SECRET_KEYS"):
        monkeypatch.delenv(f"LAKESERVE_{name}", raising=False)


def rotate(data_dir: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["secrets", "rotate-key", "--data-dir", str(data_dir), *options])


def sealed(data_dir: Path, value: str) -> str:
    """The ciphertext of a value in a platform's stopped data directory."""

    async def seal() -> str:
        settings = Settings(data_dir=data_dir)
        storage = await Storage.open(settings.database_path)
        try:
            return await Vault(storage, await open_key_ring(storage, settings)).seal(value)
        finally:
            await storage.close()

    return asyncio.run(seal())


def test_a_key_for_the_environment() -> None:
    printed = CliRunner().invoke(cli, ["secrets", "new-key"]).output
    assert len(parse_master_keys([printed], "the output")) == 1


def test_rotation(tmp_path: Path) -> None:
    sealed(tmp_path, "value")
    before = read_key_file(tmp_path / "secrets.key")
    result = rotate(tmp_path, "--json")
    (after,) = read_key_file(tmp_path / "secrets.key")
    assert json.loads(result.output) == {"key_id": after.id, "rewrapped": 1}
    assert after not in before
    assert after.id in rotate(tmp_path).output or result.exit_code == 0


def test_rotation_to_a_key_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed(tmp_path, "value")
    key = new_master_key()
    monkeypatch.setenv("LAKESERVE_SECRET_KEYS", key.text)
    assert f"under the master key {key.id}" in rotate(tmp_path).output
    (tmp_path / "secrets.key").unlink()
    assert "0 data keys" in rotate(tmp_path).output


def test_rotation_of_nothing(tmp_path: Path) -> None:
    result = rotate(tmp_path)
    assert isinstance(result.exception, ConfigurationError)
    assert "no platform in" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_rotation_while_a_platform_runs(tmp_path: Path) -> None:
    sealed(tmp_path, "value")
    with FileLock(tmp_path / "lakeserve.lock"):
        result = rotate(tmp_path)
    assert isinstance(result.exception, ConfigurationError)
    assert "another lakeserve uses the data directory" in str(result.exception)


@pytest.mark.parametrize("arguments", [["create-scope"], ["put-secret", "scope"], ["nonsense"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["secrets", *arguments]).exit_code == 2
