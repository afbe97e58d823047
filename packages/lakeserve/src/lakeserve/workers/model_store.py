"""Named models in the data directory: GGUF files, what belongs to them, and their checksums."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from lakeserve.core.errors import ConfigurationError, EngineError
from lakeserve.workers.gguf_header import GgufHeader, read_header
from lakeserve.workers.llama import LlamaOptions, Lora, Pooling
from lakeserve.workers.protocols import ModelKind

MANIFEST = "model.json"
MODEL, PROJECTOR = "model.gguf", "projector.gguf"
# Names that mean a model of the package.
RESERVED = ("demo", "minilm")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class StoredFile(NamedTuple):
    """A file of a model as it was when its checksum was taken."""

    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model of the store.

    Attributes:
        folder: Where its files lie.
        files: By name within the folder.
        scales: Of its LoRA adapters, by name of their file.
        options: As they were given; paths point into the folder.
    """

    name: str
    folder: Path
    kind: ModelKind
    architecture: str
    added_at: str
    files: dict[str, StoredFile]
    options: LlamaOptions = field(default_factory=LlamaOptions)

    @property
    def path(self) -> Path:
        """The model's GGUF file."""
        return self.folder / MODEL

    def verify(self) -> None:
        """See whether the files are still those that were added.

        A file whose size and time of change are as they were is taken for unchanged; any other is
        read and its checksum compared.

        Raises:
            EngineError: A file is missing or has changed.
        """
        for name, known in self.files.items():
            path = self.folder / name
            try:
                seen = path.stat()
                if (seen.st_size, seen.st_mtime_ns) == (known.size, known.mtime_ns):
                    continue
                found = sha256_of(path)
            except OSError as error:
                raise EngineError(
                    f"model {self.name!r}: cannot read {str(path)!r}: {error.strerror}"
                ) from None
            if found != known.sha256:
                raise EngineError(
                    f"model {self.name!r}: {str(path)!r} has changed since it was added:"
                    f" its SHA-256 is {found}, not {known.sha256}. Add the model again"
                )


class ModelStore:
    """The named models of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "models" / "named"

    def all(self) -> list[StoredModel]:
        """Every model, by name."""
        return list(self._found())

    def kinds(self) -> dict[str, ModelKind]:
        """What each model does, by its name."""
        return {stored.name: stored.kind for stored in self._found()}

    def get(self, name: str) -> StoredModel | None:
        """The model of that name, or None."""
        if not _NAME.fullmatch(name):
            return None
        return _read(self._folder / name)

    def add(
        self,
        name: str,
        model: Path,
        options: LlamaOptions,
        *,
        checksum: str | None = None,
        replace: bool = False,
    ) -> StoredModel:
        """Take files in, linked where the file system allows it and copied elsewhere.

        Args:
            name: What endpoints and settings call the model.
            model: The GGUF file.
            options: How it is to be loaded; the files that they name are taken in, too.
            checksum: The SHA-256 that the model file must have.
            replace: Whether a model of that name may be there already.

        Raises:
            ConfigurationError: The name is not accepted or taken, or the checksum another.
            EngineError: A file is not what it should be.
        """
        self._check_name(name, replace=replace)
        header = _model_header(model)
        _check_parts(options)
        if header.encodes and options.projector is not None:
            raise ConfigurationError(f"{str(model)!r} is an embedding model: it takes no projector")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".adding-") as made:
            folder = Path(made) / name
            folder.mkdir(mode=0o700)
            files = {
                place: _take(source, folder / place) for place, source in _sources(model, options)
            }
            if checksum is not None and files[MODEL].sha256 != checksum.lower():
                raise ConfigurationError(
                    f"the SHA-256 of {str(model)!r} is {files[MODEL].sha256}, not {checksum}"
                )
            manifest = _manifest(name, header, options, files)
            (folder / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
            if replace:
                self.remove(name)
            folder.rename(self._folder / name)
        return self._known(name)

    def remove(self, name: str) -> bool:
        """Remove a model with its files; workers that have it open keep it until they end.

        Returns:
            Whether there was one.
        """
        if self.get(name) is None:
            return False
        shutil.rmtree(self._folder / name)
        return True

    def _known(self, name: str) -> StoredModel:
        stored = self.get(name)
        if stored is None:
            raise EngineError(f"model {name!r} is not in {str(self._folder)!r}")
        return stored

    def _check_name(self, name: str, *, replace: bool) -> None:
        if not _NAME.fullmatch(name) or name in RESERVED:
            raise ConfigurationError(
                f"{name!r} cannot be the name of a model; accepted: up to 128 letters, digits, '.',"
                f" '-' and '_', a letter or a digit first, and not {' or '.join(RESERVED)}"
            )
        if not replace and self.get(name) is not None:
            raise ConfigurationError(
                f"there is a model {name!r} already; choose another name, or replace it (--replace)"
            )

    def _found(self) -> Iterator[StoredModel]:
        for folder in sorted(self._folder.glob("[!.]*")):
            stored = _read(folder)
            if stored is not None:
                yield stored


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def _model_header(path: Path) -> GgufHeader:
    header = read_header(path)
    if not header.architecture or header.values.get("general.type", "model") != "model":
        raise EngineError(f"{str(path)!r} holds no model of its own: no architecture to load")
    return header


def _check_parts(options: LlamaOptions) -> None:
    for lora in options.loras:
        if read_header(lora.path).values.get("adapter.type") != "lora":
            raise EngineError(f"{str(lora.path)!r} is not a LoRA adapter in GGUF")
    if options.projector is not None:
        header = read_header(options.projector)
        if header.architecture != "clip":
            raise EngineError(
                f"{str(options.projector)!r} is not a projector (mmproj):"
                f" its architecture is {header.architecture or 'unknown'!r}, not 'clip'"
            )


def _sources(model: Path, options: LlamaOptions) -> Iterator[tuple[str, Path]]:
    yield MODEL, model
    if options.projector is not None:
        yield PROJECTOR, options.projector
    for number, lora in enumerate(options.loras):
        yield _lora_name(number), lora.path


def _lora_name(number: int) -> str:
    return f"lora-{number}.gguf"


def _take(source: Path, target: Path) -> StoredFile:
    try:
        try:
            os.link(source.resolve(), target)
        except OSError:  # another file system, or one without links
            shutil.copy2(source, target)
        seen = target.stat()
        return StoredFile(sha256_of(target), seen.st_size, seen.st_mtime_ns)
    except OSError as error:
        raise EngineError(f"cannot take {str(source)!r} in: {error.strerror}") from None


def _manifest(
    name: str, header: GgufHeader, options: LlamaOptions, files: dict[str, StoredFile]
) -> dict[str, Any]:
    encodes = header.encodes or options.pooling is not None
    return {
        "name": name,
        "kind": "embedding" if encodes else "chat",
        "architecture": header.architecture,
        "added_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "files": {place: stored._asdict() for place, stored in files.items()},
        "threads": options.threads,
        "slots": options.slots,
        "context_tokens": options.context_tokens,
        "lora_scales": [lora.scale for lora in options.loras],
        "chat_template": options.chat_template,
        "pooling": options.pooling,
    }


def _read(folder: Path) -> StoredModel | None:
    try:
        facts = orjson.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError) as error:
        raise EngineError(f"cannot read {str(folder / MANIFEST)!r}: {error}") from None
    files = {place: StoredFile(**stored) for place, stored in facts["files"].items()}
    pooling: Pooling | None = facts["pooling"]
    options = LlamaOptions(
        threads=facts["threads"],
        slots=facts["slots"],
        context_tokens=facts["context_tokens"],
        loras=tuple(
            Lora(folder / _lora_name(number), scale)
            for number, scale in enumerate(facts["lora_scales"])
        ),
        projector=folder / PROJECTOR if PROJECTOR in files else None,
        chat_template=facts["chat_template"],
        pooling=pooling,
    )
    return StoredModel(
        facts["name"],
        folder,
        facts["kind"],
        facts["architecture"],
        facts["added_at"],
        files,
        options,
    )
