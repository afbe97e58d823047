"""Where the files of MLflow models lie: fetched once from a registry, or where they were put."""

import asyncio
import hashlib
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from lakeserve.core.endpoints import RegisteredModel
from lakeserve.core.errors import EngineError
from lakeserve.settings import MlflowSettings, child_environment
from lakeserve.workers.mlflow_models import DESCRIPTION_FILE
from lakeserve.workers.mlflow_program import QUIET
from lakeserve.workers.protocols import REASON_PREFIX

Tell = Callable[[str], None]

_SCRIPT = Path(__file__).with_name("mlflow_download.py")
_CHUNK = 1024 * 1024


class ModelStore:
    """Keeps one copy of every version that was fetched, with a checksum.

    Args:
        place: Copies go to its folder ``models``; the platform's own registry lies beside it.
        models_dirs: Where directories may lie that are named by their path.
        settings: The registry and the interpreter that asks it.
    """

    def __init__(
        self, place: Path, models_dirs: tuple[Path, ...], settings: MlflowSettings
    ) -> None:
        self._place = place
        self._directory = place / "models"
        self._models_dirs = models_dirs
        self._settings = settings
        self._locks: dict[Path, asyncio.Lock] = {}
        self._checked: set[Path] = set()

    async def files(self, model: RegisteredModel, tell: Tell) -> Path:
        """The directory of a model's files, fetched first if need be.

        Args:
            model: What is wanted.
            tell: Hears what is being done, for people who wait.

        Raises:
            EngineError: There is no such model, or it cannot be fetched; the text says why.
        """
        if model.is_directory:
            return await asyncio.to_thread(self._allowed, Path(model.name))
        path = self._directory / quote(model.name, safe="") / model.version
        async with self._locks.setdefault(path, asyncio.Lock()):
            if not await self._is_whole(path):
                tell(f"Fetching {model.name} version {model.version} from the registry")
                await self._fetch(model, path)
        return path

    def _allowed(self, path: Path) -> Path:
        real = path.resolve()
        if not any(real.is_relative_to(allowed.resolve()) for allowed in self._models_dirs):
            accepted = ", ".join(str(each) for each in self._models_dirs)
            raise EngineError(
                f"the directory {str(path)!r} may not be served; the setting models_dirs allows"
                f" those under {accepted}"
            )
        if not (real / DESCRIPTION_FILE).is_file():
            raise EngineError(f"{str(path)!r} holds no MLflow model (no file {DESCRIPTION_FILE})")
        return real

    async def _is_whole(self, path: Path) -> bool:
        """Whether a copy is there and as it was fetched; checked once per run of the platform."""
        if path in self._checked:
            return await asyncio.to_thread(path.is_dir)
        if not await asyncio.to_thread(_matches, path):
            return False
        self._checked.add(path)
        return True

    async def _fetch(self, model: RegisteredModel, path: Path) -> None:
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
        try:
            partial.mkdir(mode=0o700, parents=True)
            await self._download(f"models:/{model.name}/{model.version}", partial)
            digest = await asyncio.to_thread(tree_digest, partial)
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
            partial.rename(path)
            _checksum_file(path).write_text(digest + "\n")
        except OSError as error:
            raise EngineError(f"cannot keep the model {model.name!r}: {error}") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._checked.add(path)

    def _registry(self) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """The variables that lead MLflow to the registry, and where our own keeps its files."""
        configured = self._settings
        if configured.tracking_uri is None:
            database = own_database(self._place)
            return {"MLFLOW_TRACKING_URI": database}, (str(own_artifacts(self._place)),)
        variables = {"MLFLOW_TRACKING_URI": configured.tracking_uri}
        if configured.registry_uri is not None:
            variables["MLFLOW_REGISTRY_URI"] = configured.registry_uri
        return variables, ()

    async def _download(self, uri: str, directory: Path) -> None:
        variables, root = self._registry()
        environment = {**child_environment(), **QUIET, **variables, "NO_COLOR": "1"}
        process = await asyncio.create_subprocess_exec(
            str(self._settings.python or sys.executable),
            str(_SCRIPT),
            uri,
            str(directory),
            *root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            cwd=directory,
        )
        try:
            _, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode != 0:
            lines = errors.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
            raise EngineError(f"cannot fetch {uri}: {lines[-1].removeprefix(REASON_PREFIX)}")


def own_database(place: Path) -> str:
    """The address of the database of the platform's own registry."""
    return f"sqlite:///{place}/registry.db"


def own_artifacts(place: Path) -> Path:
    """Where the platform's own registry keeps files."""
    return place / "artifacts"


def tree_digest(directory: Path) -> str:
    """SHA-256 of all files under a directory: their names and contents, in order."""
    digest = hashlib.sha256()
    for path in sorted(each for each in directory.rglob("*") if each.is_file()):
        digest.update(f"{path.relative_to(directory).as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while part := file.read(_CHUNK):
                digest.update(part)
    return digest.hexdigest()


def _matches(path: Path) -> bool:
    try:
        return _checksum_file(path).read_text().strip() == tree_digest(path)
    except OSError:
        return False


def _checksum_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
