import logging
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from lakeserve.workers.scoring.batched_model import BatchedModel, Outcome, Request
from lakeserve.workers.scoring.errors import ScoringError
from lakeserve.workers.scoring.model import JSON, Scorable
from workers.scoring.scripted_model import ARRAY_NAMES, Pyfunc, scoring_model


def model_of(pyfunc: Pyfunc, max_rows: int = 100) -> BatchedModel:
    return BatchedModel(scoring_model(pyfunc, ARRAY_NAMES), max_rows)


def requests(*bodies: Any) -> list[Request]:
    return [Request(orjson.dumps(body), JSON) for body in bodies]


def shown(outcomes: list[Outcome]) -> list[Any]:
    """Predictions, the message of what was raised, or what is to be predicted by itself."""
    return [one(each) for each in outcomes]


def one(outcome: Outcome) -> Any:
    if isinstance(outcome, Scorable):
        return "alone", outcome.data.tolist()
    return orjson.loads(outcome)["predictions"] if isinstance(outcome, bytes) else str(outcome)


def predicted(pyfunc: Pyfunc) -> list[Any]:
    return [data.tolist() for data, _ in pyfunc.asked]


def test_one_prediction_for_all() -> None:
    pyfunc = Pyfunc(lambda data: data * 2)
    outcomes = model_of(pyfunc).answer(
        requests({"inputs": [1]}, {"inputs": [2, 3]}, {"inputs": [4]})
    )
    assert shown(outcomes) == [[2], [4, 6], [8]]
    assert predicted(pyfunc) == [[1, 2, 3, 4]]


def test_others_are_not_mixed_in() -> None:
    pyfunc = Pyfunc()
    outcomes = model_of(pyfunc).answer(
        requests(
            {"inputs": [1]},
            {"inputs": [1.5]},
            {"inputs": [2], "params": {"a": 1}},
            {"inputs": [3], "params": {"a": True}},
            {"inputs": 4},
            {"nothing": 5},
            {"inputs": [6]},
        )
    )
    assert shown(outcomes) == [[1], [1.5], [2], [3], ("alone", 4), "send inputs.", [6]]
    assert predicted(pyfunc) == [[1, 6], [1.5], [2], [3]]
    assert [params for _, params in pyfunc.asked] == [None, None, {"a": 1}, {"a": True}]


def test_streams_and_chats_are_left_alone() -> None:
    pyfunc = Pyfunc(lambda data: "hello")
    chat: dict[str, Any] = {"messages": []}
    outcomes = model_of(pyfunc).answer(requests({**chat, "stream": True}, chat, chat))
    assert [isinstance(each, Scorable) and each.stream for each in outcomes] == [True, False, False]
    assert pyfunc.asked == []


def test_whoever_is_alone_is_answered() -> None:
    model = model_of(Pyfunc(lambda data: "hello"))
    assert model.answer(requests({"messages": []})) == [b'"hello"']
    assert shown(model.answer(requests({"inputs": 1}))) == ["hello"]
    (refused,) = model.answer(requests({"nothing": 1}))
    assert isinstance(refused, ScoringError)
    (stream,) = model.answer(requests({"messages": [], "stream": True}))
    assert isinstance(stream, Scorable)


def test_no_more_rows_than_wanted() -> None:
    pyfunc = Pyfunc()
    bodies = [{"inputs": [n] * n} for n in (1, 2, 2, 5, 1, 1)]
    outcomes = model_of(pyfunc, max_rows=3).answer(requests(*bodies))
    assert shown(outcomes) == [body["inputs"] for body in bodies]
    assert [len(data) for data in predicted(pyfunc)] == [3, 2, 5, 2]


def test_a_bad_input_harms_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    def predict(data: Any) -> Any:
        if 13 in data:
            raise ValueError("unlucky")
        return data

    pyfunc = Pyfunc(predict)
    model = model_of(pyfunc)
    bodies = requests({"inputs": [1]}, {"inputs": [13]}, {"inputs": [2]})
    assert shown(model.answer(bodies)) == [("alone", [1]), ("alone", [13]), ("alone", [2])]
    assert predicted(pyfunc) == [[1, 13, 2]]
    assert shown(model.answer(bodies[1:2])) == ["The model failed: ValueError: unlucky"]
    assert "a batch of 3 requests failed" in caplog.text
    assert model.is_vectorised


def test_an_answer_that_cannot_be_written_harms_nobody_else() -> None:
    model = model_of(Pyfunc(lambda data: [object() if n == 13 else int(n) for n in data]))
    outcomes = model.answer(requests({"inputs": [1]}, {"inputs": [13]}))
    assert shown(outcomes)[0] == [1]
    assert isinstance(outcomes[1], ScoringError)
    assert outcomes[1].status == 500


def test_requests_that_nobody_foresaw_harm_nobody_else() -> None:
    def parse(given: dict[str, Any], metadata: Any, schema: Any) -> Any:
        if given["inputs"] == "odd":
            raise KeyError("odd")
        return ARRAY_NAMES.parse_json(given, metadata, schema)

    model = BatchedModel(scoring_model(Pyfunc(), replace(ARRAY_NAMES, parse_json=parse)), 9)
    outcomes = model.answer(requests({"inputs": [1]}, {"inputs": "odd"}))
    assert shown(outcomes) == [[1], "'odd'"]


def test_a_model_that_is_not_vectorised(caplog: pytest.LogCaptureFixture) -> None:
    pyfunc = Pyfunc(lambda data: [float(np.sum(data))])
    model = model_of(pyfunc)
    bodies = requests({"inputs": [1, 2]}, {"inputs": [3]})
    with caplog.at_level(logging.WARNING):
        assert shown(model.answer(bodies)) == [("alone", [1, 2]), ("alone", [3])]
    assert "batching is off: the model was given 3 rows" in caplog.text
    assert not model.is_vectorised
    pyfunc.asked.clear()
    assert shown(model.answer(bodies)) == [("alone", [1, 2]), ("alone", [3])]
    assert predicted(pyfunc) == []
    assert shown(model.answer(bodies[:1])) == [[3.0]]
