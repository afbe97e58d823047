"""The documented programs, run as a person runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import PlatformProcess

ROOT = Path(__file__).parents[4]

EXPECTED = {
    "chat": ["invoke:", "MLflow", "gather: Japan:", "Tokyo", "Rome", "Canberra", "Chicago"],
    "llm_serving_endpoint": ["call:", "stop:", "transform_input_fn:"],
    "llm_driver_app": ["call:", "transforms:"],
    "embeddings": ["query:", "documents:", "[384, 384]"],
    "external_model": ["external:", "MLflow"],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_example(platform: PlatformProcess, name: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", f"examples.{name}"],
        cwd=ROOT,
        env=os.environ | platform.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    for part in EXPECTED[name]:
        assert part in result.stdout
