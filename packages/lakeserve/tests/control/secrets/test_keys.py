import stat
from pathlib import Path

import pytest
from lakeserve.control.secrets.keys import open_key_ring, read_key_file, write_key_file
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.crypto import KeyRing, new_master_key
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage

OLD, NEW = new_master_key(), new_master_key()


async def test_the_first_start_makes_a_private_key_file(storage: Storage, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first = await open_key_ring(storage, settings)
    path = tmp_path / "secrets.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (await open_key_ring(storage, settings)).keys == first.keys
    assert not path.with_name("secrets.key.new").exists()


async def test_keys_of_the_settings_come_first_and_need_no_file(
    storage: Storage, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, secret_keys=f"{NEW.text},{OLD.text}")
    ring = await open_key_ring(storage, settings)
    assert ring.keys == (NEW, OLD)
    assert not (tmp_path / "secrets.key").exists()
    assert NEW.text not in repr(settings)

    write_key_file(tmp_path / "secrets.key", [OLD])
    moved = await open_key_ring(storage, Settings(data_dir=tmp_path, secret_keys=NEW.text))
    assert moved.keys == (NEW, OLD)


async def test_a_key_that_stored_secrets_need_is_named(storage: Storage, tmp_path: Path) -> None:
    await Vault(storage, KeyRing([OLD], "x")).seal("value")
    with pytest.raises(ConfigurationError, match=rf"master key {OLD.id} .* \(there: none\)"):
        await open_key_ring(storage, Settings(data_dir=tmp_path))
    assert not (tmp_path / "secrets.key").exists()
    with pytest.raises(ConfigurationError, match=rf"{OLD.id} .* LAKESERVE_SECRET_KEYS .*{NEW.id}"):
        await open_key_ring(storage, Settings(data_dir=tmp_path, secret_keys=NEW.text))


def test_a_key_file_that_others_can_read(tmp_path: Path) -> None:
    path = tmp_path / "secrets.key"
    write_key_file(path, [NEW, OLD])
    assert read_key_file(path) == (NEW, OLD)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match=r"has mode 0640.*chmod 600"):
        read_key_file(path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"# nothing\n", "holds no key"),
        (b"\xff\xfe", "not text"),
        (b"half-a-key\n", "key 1 is not"),
    ],
)
def test_a_key_file_that_holds_something_else(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "secrets.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=text) as refused:
        read_key_file(path)
    assert "half-a-key" not in str(refused.value)


def test_a_key_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written: No such file"):
        write_key_file(tmp_path / "missing" / "secrets.key", [NEW])
