"""Where master keys come from: the settings, or a file of the data directory."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from lakeserve.core.crypto import KeyRing, MasterKey, new_master_key, parse_master_keys
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage

SETTING = "LAKESERVE_SECRET_KEYS"
FILE_NAME = "secrets.key"
FILE_MODE = 0o600

_HEADER = "# Master keys of the secrets in this directory's database, newest first. Keep a copy.\n"


def key_file(settings: Settings) -> Path:
    """Where the key file of a data directory lies."""
    return settings.data_dir / FILE_NAME


async def open_key_ring(storage: Storage, settings: Settings) -> KeyRing:
    """The master keys of a platform; the first start makes one.

    Raises:
        ConfigurationError: A key cannot be read, or one that stored secrets need is missing.
    """
    ring = await existing_key_ring(storage, settings)
    path = key_file(settings)
    if ring.keys:
        return ring
    key = new_master_key()
    write_key_file(path, [key])
    return KeyRing([key], str(path))


async def existing_key_ring(storage: Storage, settings: Settings) -> KeyRing:
    """The master keys that are there; none is made.

    Raises:
        ConfigurationError: A key cannot be read, or one that stored secrets need is missing.
    """
    needed = await storage.read(lambda transaction: transaction.keys.master_key_ids())
    ring = read_key_ring(settings)
    for key_id in sorted(needed):
        ring.find(key_id)
    return ring


def read_key_ring(settings: Settings) -> KeyRing:
    """The keys of the settings, then those of the key file; none when there is neither.

    Raises:
        ConfigurationError: A key or the file cannot be read.
    """
    path = key_file(settings)
    from_file = read_key_file(path)
    if settings.secret_keys is None:
        return KeyRing(from_file, str(path))
    texts = settings.secret_keys.get_secret_value().split(",")
    given = parse_master_keys(texts, SETTING)
    source = f"{SETTING} or {path}" if from_file else SETTING
    return KeyRing((*given, *from_file), source)


def read_key_file(path: Path) -> tuple[MasterKey, ...]:
    """The keys of a file, newest first; none when there is no file.

    Raises:
        ConfigurationError: The file cannot be read, holds something else, or others may read it.
    """
    try:
        with path.open() as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            lines = file.read().splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(f"key file {path} cannot be read: {reason}") from None
    if mode & 0o077:
        raise ConfigurationError(
            f"key file {path} has mode {mode:04o}: others can read it. Run: chmod 600 {path}"
        )
    texts = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    keys = parse_master_keys(texts, f"key file {path}")
    if not keys:
        raise ConfigurationError(
            f"key file {path} holds no key. Put back the copy of it, or remove it if no secret was"
            " stored yet"
        )
    return keys


def write_key_file(path: Path, keys: Iterable[MasterKey]) -> None:
    """Replace the key file in one step: at any moment there is a whole one.

    Raises:
        ConfigurationError: It cannot be written.
    """
    text = _HEADER + "".join(f"{key.text}\n" for key in keys)
    unfinished = path.with_name(f"{path.name}.new")
    try:
        unfinished.unlink(missing_ok=True)
        with open(unfinished, "x", opener=_private) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise ConfigurationError(f"key file {path} cannot be written: {error.strerror}") from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)
