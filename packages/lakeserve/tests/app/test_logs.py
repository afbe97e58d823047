"""Log lines for people and for programs."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from lakeserve.app.logs import configure_logging
from lakeserve.core.request_context import current_request
from lakeserve.settings import Settings


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged; the handlers of the tests themselves are put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield io.StringIO()
    root.handlers, root.level = handlers, level


@pytest.fixture
def request_id() -> Iterator[str]:
    token = current_request.set("id-1")
    yield "id-1"
    current_request.reset(token)


def settings(tmp_path: Path, **more: Any) -> Settings:
    return Settings(data_dir=tmp_path, **more)


@pytest.mark.usefixtures("request_id")
def test_json(tmp_path: Path, written: io.StringIO) -> None:
    configure_logging(settings(tmp_path, log_format="json"), written)
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("x").exception("it %s", "failed\n")
    line = orjson.loads(written.getvalue())
    assert (line["level"], line["logger"], line["message"]) == ("error", "x", "it failed\n")
    assert line["request_id"] == "id-1"
    assert "ValueError: why" in line["exception"]
    assert line["time"].endswith("+00:00")
    assert written.getvalue().count("\n") == 1


def test_json_outside_a_request(tmp_path: Path, written: io.StringIO) -> None:
    configure_logging(settings(tmp_path, log_format="json", log_level="error"), written)
    logging.getLogger("x").warning("not this")
    logging.getLogger("x").error("this")
    assert "request_id" not in orjson.loads(written.getvalue())


def test_text(tmp_path: Path, written: io.StringIO, request_id: str) -> None:
    configure_logging(settings(tmp_path), written)
    logging.getLogger("x").warning("one")
    assert written.getvalue().endswith(f"WARNING x: [{request_id}] one\n")
