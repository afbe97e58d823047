import importlib.util
import sys

import pytest
from lakeserve.workers.scoring.main import main


def test_packages_that_serving_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("lakeserve.workers.scoring.main.restrict", lambda memory: None)
    monkeypatch.setattr("os.umask", lambda mask: 0)
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    monkeypatch.setattr(sys, "argv", ["launch.py", "--model", ".", "--socket", "s"])
    assert main() == 1
    assert "lacks orjson and uvicorn, which serving needs" in capsys.readouterr().err
