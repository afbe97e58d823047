from pathlib import Path

import pytest
from lakeserve.control.secrets.keys import open_key_ring, read_key_file
from lakeserve.control.secrets.rotation import rotate_master_key
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.crypto import new_master_key
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage


async def test_everything_is_readable_with_the_new_key_alone(
    storage: Storage, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path)
    before = await open_key_ring(storage, settings)
    sealed = [await Vault(storage, before).seal(f"value {number}") for number in range(3)]

    rotation = await rotate_master_key(storage, settings)
    assert rotation.rewrapped == 3
    after = await open_key_ring(storage, settings)
    assert [key.id for key in after.keys] == [rotation.key_id]
    assert before.current not in after.keys
    values = [await Vault(storage, after).unseal(each) for each in sealed]
    assert values == ["value 0", "value 1", "value 2"]


async def test_an_end_in_between_loses_nothing(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path)
    sealed = await Vault(storage, await open_key_ring(storage, settings)).seal("value")

    async def ends(*_: object) -> None:
        raise KeyboardInterrupt

    # There is no seam between two steps of one function, and this is about exactly that place.
    monkeypatch.setattr("lakeserve.control.secrets.rotation._rewrap", ends)
    with pytest.raises(KeyboardInterrupt):
        await rotate_master_key(storage, settings)
    monkeypatch.undo()
    assert len(read_key_file(tmp_path / "secrets.key")) == 2
    assert await Vault(storage, await open_key_ring(storage, settings)).unseal(sealed) == "value"
    await rotate_master_key(storage, settings)
    assert len(read_key_file(tmp_path / "secrets.key")) == 1


async def test_with_keys_of_the_settings_the_first_one_counts(
    storage: Storage, tmp_path: Path
) -> None:
    old, new = new_master_key(), new_master_key()
    before = Settings(data_dir=tmp_path, secret_keys=old.text)
    sealed = await Vault(storage, await open_key_ring(storage, before)).seal("value")
    both = Settings(data_dir=tmp_path, secret_keys=f"{new.text},{old.text}")
    rotation = await rotate_master_key(storage, both)
    assert (rotation.key_id, rotation.rewrapped) == (new.id, 1)
    assert (await rotate_master_key(storage, both)).rewrapped == 0
    after = Settings(data_dir=tmp_path, secret_keys=new.text)
    assert await Vault(storage, await open_key_ring(storage, after)).unseal(sealed) == "value"


async def test_a_missing_key_changes_nothing(storage: Storage, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    await Vault(storage, await open_key_ring(storage, settings)).seal("value")
    (tmp_path / "secrets.key").unlink()
    with pytest.raises(ConfigurationError, match="master key"):
        await rotate_master_key(storage, settings)
    assert not (tmp_path / "secrets.key").exists()
