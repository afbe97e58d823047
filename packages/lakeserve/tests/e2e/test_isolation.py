"""What the code of a model may do to the platform that serves it: real workers, a real kernel."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from e2e.custom_endpoints import create, query, settled
from harness import PlatformProcess, start_platform
from lakeserve.workers.landlock import WHOLE_ABI, abi

DENIED = "PermissionError"

pytestmark = pytest.mark.skipif(abi() < WHOLE_ABI, reason="this kernel's Landlock is not whole")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="module")
def curious(mlflow_python: str, models: Path, place: Path) -> Iterator[PlatformProcess]:
    """A platform that must isolate models, and a model that runs what it is sent."""
    (place / "shared").mkdir()
    (place / "shared" / "file").touch()
    (place / "lakeserve.toml").write_text(
        f'models_dirs = ["{models}"]\nmodel_isolation = "required"\n'
        f'[mlflow]\npython = "{mlflow_python}"\nenvironment = "shared"\n'
        f'readable_dirs = ["{place}/shared"]\n'
    )
    running = start_platform(place / "data", "--config", str(place / "lakeserve.toml"))
    try:
        create(running, "curious", models / "curious")
        assert settled(running, "curious")["state"]["ready"] == "READY"
        yield running
    finally:
        running.stop()


def outcomes(platform: PlatformProcess, statements: Sequence[str]) -> dict[str, str]:
    """What became of each statement: done, or the class of its exception."""
    body = {"dataframe_split": {"columns": ["statement"], "data": [[each] for each in statements]}}
    reply = query(platform, "curious", body)
    assert reply.status == 200, reply.body
    return dict(zip(statements, reply.json()["predictions"], strict=True))


def test_files_out_of_reach(curious: PlatformProcess, models: Path, place: Path) -> None:
    data = place / "data"
    read = ("secrets.key", "lakeserve.db", "lakeserve.run.json")
    assert all((data / name).is_file() for name in read)
    statements = [
        *(f"open({str(data / name)!r}, 'rb').read()" for name in read),
        f"open({str(data / 'lakeserve.db')!r}, 'r+b')",
        f"import os; os.truncate({str(data / 'lakeserve.db')!r}, 0)",
        f"import os; os.unlink({str(data / 'secrets.key')!r})",
        *(f"import os; os.listdir({str(data / name)!r})" for name in (".", "sockets", "journal")),
        f"open({str(models / 'double' / 'MLmodel')!r}).read()",
        f"open({str(models / 'curious' / 'MLmodel')!r}, 'a')",
        f"open({str(place / 'lakeserve.toml')!r}).read()",
        f"open({str(place / 'shared' / 'file')!r}, 'w')",
        "open('/etc/shadow').read()",
        "import os; os.listdir('/root')",
        "open('/tmp/of_a_model', 'w')",
        f"import socket; socket.socket(socket.AF_UNIX).bind({str(data / 'sockets' / 'x.sock')!r})",
        f"from subprocess import run; run(['cat', {str(data / 'secrets.key')!r}], check=True)",
    ]
    found = outcomes(curious, statements)
    assert found.pop(statements[-1]) == "CalledProcessError"
    assert set(found.values()) == {DENIED}, found
    assert (data / "secrets.key").is_file()


def test_processes_out_of_reach(curious: PlatformProcess) -> None:
    pid = curious.process.pid
    others = [each.pid for each in curious.workers() if "lakeserve.workers.serve" in each.cmdline()]
    statements = [
        f"open('/proc/{others[0]}/environ').read()",
        f"import os; os.kill({others[0]}, 9)",
        f"open('/proc/{pid}/environ').read()",
        f"open('/proc/{pid}/mem', 'rb').read()",
        f"open('/proc/{pid}/maps').read()",
        f"open('/proc/{pid}/oom_score_adj', 'w')",
        f"import os; os.readlink('/proc/{pid}/cwd')",
        f"import os; os.kill({pid}, 0)",
        f"import os; os.kill({pid}, 9)",
        "import os; os.kill(os.getppid(), 15)",
    ]
    found = outcomes(curious, statements)
    assert set(found.values()) == {DENIED}, found
    assert psutil.pid_exists(pid)


def test_what_models_need(curious: PlatformProcess, models: Path, place: Path) -> None:
    statements = [
        f"open({str(models / 'curious' / 'MLmodel')!r}).read()",
        f"open({str(place / 'shared' / 'file')!r}).read()",
        "import tempfile; tempfile.TemporaryFile().write(b'x')",
        "import os; open(os.path.expanduser('~/cache'), 'w').write('x')",
        "open('here', 'w').write('x')",
        "import os; assert os.environ['HOME'] == os.getcwd()",
        "import multiprocessing as m; m.get_context('spawn').Lock()",
        "import subprocess; subprocess.run(['/bin/true'], check=True)",
        "import os, signal; p = os.spawnl(os.P_NOWAIT, '/bin/sleep', 'sleep', '60'); os.kill(p, 9)",
        "import ssl; ssl.create_default_context()",
        "import socket; socket.getaddrinfo('localhost', 80)",
        f"import socket; socket.create_connection(('127.0.0.1', {curious.url.rpartition(':')[2]}))",
        "open('/dev/null', 'w').write('x'); open('/dev/urandom', 'rb').read(1)",
        "import os; assert os.environ.get('LAKESERVE_DATA_DIR') is None",
    ]
    found = outcomes(curious, statements)
    assert set(found.values()) == {"done"}, found
