from dataclasses import replace
from pathlib import Path

from lakeserve.core.endpoints import Address
from lakeserve.workers.batching import Batching
from lakeserve.workers.mlflow_program import LAUNCH, QUIET, MlflowProgram


def test_how_it_is_started() -> None:
    program = MlflowProgram(Path("/env/bin/python"), Path("/m"), 4, 9, 512, {"KEY": "hidden"})
    interpreter, script, *arguments = program.command(Address(uds="/s.sock"))
    assert (interpreter, script) == ("/env/bin/python", str(LAUNCH))
    assert LAUNCH.is_file()
    assert " ".join(arguments) == (
        "--model /m --socket /s.sock --concurrency 4 --queue 9 --memory-mb 512"
    )
    assert program.environment() == {**QUIET, "KEY": "hidden"}
    assert "hidden" not in repr(program)
    assert program.listens == "either"
    batched = replace(program, batching=Batching(64, 5)).command(Address(uds="/s.sock"))
    assert batched[-4:] == ["--max-batch-size", "64", "--max-batch-wait-ms", "5"]
