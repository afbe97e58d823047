from typing import Any

import pytest
from lakeserve.workers.serve.errors import ApiError
from lakeserve.workers.serve.sampling import choices, sampling, stops, with_seed


def test_defaults_are_those_of_openai() -> None:
    fields = sampling({}, 10)
    assert fields["temperature"] == 1.0
    assert fields["top_p"] == 1.0
    assert fields["top_k"] == 0
    assert fields["min_p"] == 0.0
    assert fields["repeat_penalty"] == 1.0
    assert fields["stream"] is True
    assert "seed" not in fields
    assert "max_tokens" not in fields


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"frequency_penalty": 2.5}, "frequency_penalty"),
        ({"presence_penalty": -2.5}, "presence_penalty"),
        ({"seed": 1.5}, "seed"),
        ({"stop": 3}, "stop"),
        ({"stop": ["a", 3]}, "stop"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"logit_bias": [1]}, "logit_bias"),
        ({"logit_bias": {"10": 1}}, "logit_bias"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
    ],
)
def test_values_out_of_range_are_refused_by_name(body: dict[str, Any], field: str) -> None:
    with pytest.raises(ApiError) as caught:
        sampling(body, 10)
    assert caught.value.status == 400
    assert caught.value.param == field
    assert caught.value.message.startswith(f"{field}: ")


@pytest.mark.parametrize("body", [{"temperature": 0}, {"temperature": 2}, {"top_p": 0.01}])
def test_the_ends_of_ranges_are_accepted(body: dict[str, Any]) -> None:
    (name, value), *_ = body.items()
    assert sampling(body, 10)[name] == value


def test_null_means_absent() -> None:
    nothing = dict.fromkeys(["temperature", "top_p", "stop", "seed", "logit_bias", "n"])
    assert sampling(nothing, 10) == sampling({}, 10)


def test_penalties_look_at_the_whole_text() -> None:
    assert sampling({"presence_penalty": 1}, 10)["repeat_last_n"] == -1
    assert "repeat_last_n" not in sampling({}, 10)


def test_logit_bias_becomes_pairs() -> None:
    assert sampling({"logit_bias": {"3": -100, "4": 1.5}}, 10)["logit_bias"] == [
        [3, -100],
        [4, 1.5],
    ]


def test_a_single_stop_string_becomes_a_list() -> None:
    assert stops({"stop": "\n"}) == ["\n"]
    assert stops({}) == []


@pytest.mark.parametrize("n", [0, 17, "2", 1.5])
def test_n_is_from_1_to_16(n: object) -> None:
    with pytest.raises(ApiError, match="n: must be"):
        choices({"n": n})


def test_every_choice_has_its_own_seed_within_the_engines_range() -> None:
    fields = sampling({"seed": -1}, 10)
    seeds = [with_seed(fields, index)["seed"] for index in range(3)]
    assert len(set(seeds)) == 3
    assert all(0 <= seed < 0xFFFFFFFF for seed in seeds)
    assert "seed" not in with_seed(sampling({}, 10), 1)


def test_a_model_may_advise_a_temperature() -> None:
    assert sampling({}, 10, 0.2)["temperature"] == 0.2
    assert sampling({"temperature": 1}, 10, 0.2)["temperature"] == 1
    assert sampling({"temperature": 0}, 10, 0.2)["temperature"] == 0
