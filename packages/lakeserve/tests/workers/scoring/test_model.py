from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lakeserve.workers.scoring.errors import ScoringError
from lakeserve.workers.scoring.model import CSV, JSON, PARQUET, Scorable
from workers.scoring.scripted_model import Pyfunc, Refused, scoring_model


def failing(error: BaseException) -> Any:
    def predict(data: Any) -> Any:
        raise error

    return predict


def test_reading() -> None:
    model = scoring_model(Pyfunc())
    assert model.read(b'{"inputs": [1], "params": {"a": 1}}', JSON) == Scorable(
        [1], {"a": 1}, bare=False, stream=False
    )
    chat = {"messages": [], "stream": True}
    assert model.read(b'{"messages": [], "stream": true}', "") == Scorable(chat, None, True, True)
    nan = model.read(b'{"inputs": NaN}', "application/json; charset=UTF-8").data
    assert nan != nan
    assert model.read(b"a,b\n1,2", CSV).data == [["a", "b"], ["1", "2"]]
    assert model.read(b"PAR1", PARQUET).data == list(b"PAR1")


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        (b"{", JSON, 400, "not valid JSON"),
        (b"[1]", JSON, 400, "must be a JSON object, not list"),
        (b'{"a": 1}', JSON, 400, "send inputs."),
        (b'{"messages": [], "stream": 1}', JSON, 400, "'stream' must be true or false"),
        (b"\xff", CSV, 400, "not UTF-8"),
        (b"a", "text/html", 415, "'text/html' is not accepted"),
        (b"a", "text/csv; charset=latin-1", 415, "not accepted"),
        (b"a", "text/csv; header=present", 415, "not accepted"),
    ],
)
def test_what_cannot_be_read(body: bytes, kind: str, status: int, message: str) -> None:
    with pytest.raises(ScoringError, match=message) as caught:
        scoring_model(Pyfunc()).read(body, kind)
    assert caught.value.status == status
    assert "IMPORTANT" not in caught.value.message


def test_predictions_are_wrapped_unless_the_model_speaks_for_itself() -> None:
    pyfunc = Pyfunc(lambda data: {"got": data})
    model = scoring_model(pyfunc)
    asked = Scorable([1], {"p": 2}, bare=False, stream=False)
    assert model.predict(asked) == b'{"predictions":{"got":[1]}}'
    assert pyfunc.asked == [([1], {"p": 2})]
    assert model.predict(asked._replace(bare=True)) == b'{"got":[1]}'


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError("no\nluck"), 400, "The model failed: ValueError: no\nluck"),
        (SystemExit(3), 400, "The model failed: SystemExit: 3"),
        (MemoryError(), 500, "The model ran out of memory."),
        (Refused("busy", "RESOURCE_EXHAUSTED", 429), 429, "busy"),
        (
            Refused("Failed to enforce schema of data 'd' with schema 's'. Error: no column x"),
            400,
            "The input does not fit the model's signature: no column x",
        ),
    ],
)
def test_what_models_raise(error: BaseException, status: int, message: str) -> None:
    asked = Scorable([1], None, bare=False, stream=False)
    with pytest.raises(ScoringError) as caught:
        scoring_model(Pyfunc(failing(error))).predict(asked)
    assert (caught.value.status, caught.value.message) == (status, message)


def test_answers_that_are_no_json() -> None:
    with pytest.raises(ScoringError, match="cannot be written as JSON") as caught:
        scoring_model(Pyfunc(lambda data: object())).predict(Scorable(1, None, False, False))
    assert caught.value.status == 500


def test_streams() -> None:
    def stream(data: Any) -> Iterator[Any]:
        yield {"chunk": "a\u2028"}
        yield "text"
        raise ValueError("cut")

    events = scoring_model(Pyfunc(stream=stream)).events(Scorable({}, None, True, True))
    assert next(events) == b'data: {"chunk":"a\\u2028"}\n\n'
    assert next(events) == b'data: "text"\n\n'
    with pytest.raises(ScoringError, match="The model failed: ValueError: cut"):
        next(events)
    with pytest.raises(ScoringError, match="no predict_stream"):
        next(scoring_model(Pyfunc()).events(Scorable({}, None, True, True)))


@pytest.mark.parametrize(
    ("example", "asked"),
    [
        (None, []),
        ('{"inputs": [3]}', [([3], None)]),
        ('{"messages": []}', []),
        ("{", []),
    ],
)
def test_warming_up(example: str | None, asked: list[Any], tmp_path: Path) -> None:
    pyfunc = Pyfunc()
    if example is not None:
        (tmp_path / "serving_input_example.json").write_text(example)
    scoring_model(pyfunc).warm_up(tmp_path)
    assert pyfunc.asked == asked
