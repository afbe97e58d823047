"""Environments of models: made once per set of requirements, by uv, and kept."""

import asyncio
import contextlib
import hashlib
import importlib
import importlib.util
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lakeserve.core.errors import EngineError
from lakeserve.settings import MlflowSettings, child_environment
from lakeserve.workers.build_steps import BuildSteps, Step
from lakeserve.workers.confinement import Isolation
from lakeserve.workers.mlflow_models import MLFLOW_INSTALL, REQUIREMENTS_FILE, MlflowModel

Tell = Callable[[str], None]

# What the worker needs beside the model: a server that costs little, and JSON.
SERVING = ("orjson>=3.10", "uvicorn>=0.35", "httptools>=0.6", "uvloop>=0.21")

LAST_LINES = 8
# A build that failed is not tried again at once: it may have taken minutes.
FAILURE_COUNTS_S = 300.0


class Environments:
    """Makes and keeps environments.

    One directory per hash of Python version and requirements. A directory without a mark beside it
    is half built, by a platform that was killed, and is made anew.

    Args:
        directory: Where environments and their build logs lie.
        settings: What to make them from.
        isolation: Whether builds, which may run code of the packages, reach only what they need.
    """

    def __init__(
        self, directory: Path, settings: MlflowSettings, isolation: Isolation = "off"
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._isolation = isolation
        self._locks: dict[str, asyncio.Lock] = {}
        self._failures: dict[str, tuple[float, str]] = {}

    def log_path(self, model: MlflowModel) -> Path:
        """The log of the build, which grows while it runs."""
        return self._directory / f"{environment_key(model)}.log"

    async def interpreter(self, model: MlflowModel, tell: Tell) -> Path:
        """The Python that runs a model; its environment is built first if need be.

        Those who ask for the same environment share one build.

        Raises:
            EngineError: The environment cannot be built; the text has the end of the log.
        """
        if self._settings.environment == "shared":
            return self._settings.python or Path(sys.executable)
        key = environment_key(model)
        async with self._locks.setdefault(key, asyncio.Lock()):
            if not ready_mark(self._directory / key).is_file():
                self._check_failure(key)
                tell(f"Building its environment ({len(model.requirements)} requirements)")
                await self._build(key, model)
        return _python(self._directory / key)

    def _check_failure(self, key: str) -> None:
        failed_at, reason = self._failures.get(key, (-FAILURE_COUNTS_S, ""))
        if time.monotonic() - failed_at < FAILURE_COUNTS_S:
            raise EngineError(reason)

    async def _build(self, key: str, model: MlflowModel) -> None:
        path = self._directory / key
        log_path = self.log_path(model)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            ready_mark(path).unlink(missing_ok=True)
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
            log_path.write_text("")
            limit = self._settings.build_timeout_s
            await asyncio.wait_for(self._run_all(path, model, log_path), limit)
            ready_mark(path).touch()
        except asyncio.TimeoutError:
            self._fail(key, log_path, f"it took longer than {limit:g} s")
        except OSError as error:
            self._fail(key, log_path, str(error))
        except _StepFailed as failure:
            self._fail(key, log_path, str(failure))

    def _fail(self, key: str, log_path: Path, reason: str) -> None:
        text = f"the environment of the model cannot be built: {reason}"
        if lines := _last_lines(log_path):
            text = f"{text}\n{lines}"
        self._failures[key] = time.monotonic(), text
        raise EngineError(text) from None

    async def _run_all(self, path: Path, model: MlflowModel, log_path: Path) -> None:
        uv = find_uv()
        make = (uv, "venv", "--no-python-downloads", "--python", _wanted_python(model), str(path))
        install = (
            *(uv, "pip", "install", "--no-progress", "--python", str(_python(path))),
            *self._source(),
            *("-r", str(self._requirements_file(path, model))),
            *SERVING,
        )
        steps = self._steps(path, model)
        await _run(steps.plain(make), model.directory, log_path)
        interpreter = _python(path).resolve()
        await self._install(steps, install, path, model, log_path)
        # What a model may read is derived from where this leads.
        if _python(path).resolve() != interpreter:
            raise _StepFailed("a package has put another program in the place of the interpreter")

    async def _install(
        self,
        steps: BuildSteps,
        install: Sequence[str],
        path: Path,
        model: MlflowModel,
        log_path: Path,
    ) -> None:
        if not steps.applies:
            await _run(steps.plain(install), model.directory, log_path)
            return
        with steps.scratch():
            try:
                await _run(steps.from_wheels(install), model.directory, log_path)
            except _StepFailed:
                await _run(steps.from_sources(install), model.directory, log_path)
            with contextlib.suppress(_StepFailed):  # packages ship files of other Pythons, too
                await _run(steps.compiled(_python(path)), model.directory, log_path)

    def _steps(self, path: Path, model: MlflowModel) -> BuildSteps:
        wheelhouse = self._settings.wheelhouse
        reads = (
            *(model.directory, _written_requirements(path), *self._settings.readable_dirs),
            *(() if wheelhouse is None else (wheelhouse,)),
        )
        environment = {**child_environment(), "NO_COLOR": "1"}
        return BuildSteps(environment, reads, path, self._isolation)

    def _requirements_file(self, path: Path, model: MlflowModel) -> Path:
        """The model's own file where it says everything; relative paths in it stay right."""
        own = model.directory / REQUIREMENTS_FILE
        if own.is_file() and any(
            line.strip().startswith("mlflow") for line in own.read_text().splitlines()
        ):
            return own
        written = _written_requirements(path)
        written.write_text("\n".join(model.requirements) + "\n")
        return written

    def _source(self) -> Sequence[str]:
        """Where packages come from, when it is not what uv's own settings say."""
        if self._settings.wheelhouse is None:
            return ()
        return ("--no-index", "--find-links", str(self._settings.wheelhouse))


class _StepFailed(Exception):
    """A command of the build failed."""


def environment_key(model: MlflowModel) -> str:
    """The name of the environment that a model needs."""
    parts = [_minor(model.python), *sorted(model.requirements), *SERVING]
    if any(line.startswith((".", "/", "-")) or ".whl" in line for line in model.requirements):
        parts.append(str(model.directory))  # some lie among the model's own files
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def find_uv() -> str:
    """The program that builds environments.

    Raises:
        EngineError: It is not installed.
    """
    if importlib.util.find_spec("uv") is not None:
        return str(importlib.import_module("uv").find_uv_bin())
    found = shutil.which("uv")
    if found is None:
        raise EngineError(f"environments of models are built by uv: {MLFLOW_INSTALL}")
    return found


async def _run(step: Step, directory: Path, log_path: Path) -> None:
    with log_path.open("ab") as log:
        log.write(f"$ {' '.join(step.words)}\n".encode())
        log.flush()
        process = await asyncio.create_subprocess_exec(
            *step.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(step.environment),
            cwd=directory,
        )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
    if code != 0:
        name = Path(step.words[0]).name
        raise _StepFailed(f"{name} {step.words[1]} ended with exit code {code}")


def ready_mark(path: Path) -> Path:
    """The file that says that an environment is whole; builds, which may write in it, have none."""
    return path.with_name(f"{path.name}.ready")


def _written_requirements(path: Path) -> Path:
    return path.with_name(f"{path.name}.requirements.txt")


def _wanted_python(model: MlflowModel) -> str:
    """This very Python where its version is the wanted one; else one that uv finds here."""
    minor = _minor(model.python)
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return sys.executable if minor in {"", own} else minor


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _python(path: Path) -> Path:
    return path / "bin" / "python"


def _last_lines(path: Path) -> str:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join([line for line in lines if line.strip()][-LAST_LINES:])[-2000:]
