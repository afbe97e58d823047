from typing import Any

import pytest
from lakeserve.control.endpoints.config import check_config, check_name, check_tags, sealed
from lakeserve.control.endpoints.requests import ConfigInput, TagInput
from lakeserve.core.endpoints import ExternalModel
from lakeserve.core.errors import InvalidParameter, NotBuilt

REF = "{{secrets/s/k}}"


def entity(name: str | None = None, model: str = "gpt-4", **fields: Any) -> dict[str, Any]:
    external = {
        "name": model,
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {"openai_api_key": REF},
        **fields,
    }
    named = {} if name is None else {"name": name}
    return {**named, "external_model": external}


def routes(**shares: int) -> dict[str, Any]:
    return {
        "routes": [
            {"served_entity_name": name, "traffic_percentage": share}
            for name, share in shares.items()
        ]
    }


def config(*entities: dict[str, Any], **fields: Any) -> ConfigInput:
    return ConfigInput.model_validate({"served_entities": list(entities), **fields})


@pytest.mark.parametrize("name", ["a", "0", "A_b-9", "x" * 63])
def test_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "-a", "_a", "a.b", "a b", "ä", "a\n", "x" * 64])
def test_refused_names(name: str) -> None:
    with pytest.raises(InvalidParameter, match=r"'name' has the value .* accepted: 1 to 63"):
        check_name(name)


def test_the_reserved_prefix() -> None:
    with pytest.raises(InvalidParameter, match=r"'databricks-mine'.*reserved"):
        check_name("databricks-mine")


@pytest.mark.parametrize(
    ("model", "name"),
    [("gpt-4", "gpt-4"), ("gpt-3.5-turbo", "gpt-3.5-turbo"), ("meta/Llama 3", "meta-Llama-3")],
)
def test_entities_are_named_after_their_model(model: str, name: str) -> None:
    checked = check_config(config(entity(model=model)), "config.")
    ((only, _),) = checked.entities
    assert (only.name, only.model_name, only.traffic_percentage) == (name, model, 100)
    assert checked.task == "llm/v1/chat"


@pytest.mark.parametrize("spelling", ["served_entity_name", "served_model_name"])
def test_traffic(spelling: str) -> None:
    given = {"routes": [{spelling: "b", "traffic_percentage": 100}]}
    checked = check_config(config(entity("a"), entity("b"), traffic_config=given), "")
    assert [(each.name, each.traffic_percentage) for each, _ in checked.entities] == [
        ("a", 0),
        ("b", 100),
    ]


TWO = (entity("a"), entity("b"))
REGISTERED = {"entity_name": "main.default.m", "entity_version": "1"}
REFUSED: list[tuple[ConfigInput, str]] = [
    (config(), "'served_entities' has 0 entries; accepted: 1 to 10"),
    (config(*(entity(f"e{n}") for n in range(11))), "has 11 entries; accepted: 1 to 10"),
    (config(entity("a b")), "'served_entities.0.name' has the value 'a b'"),
    (config({"name": "a"}), "'served_entities.0' must have exactly one of"),
    (config({**entity("a"), **REGISTERED}), "must have exactly one of"),
    (config(entity("a"), REGISTERED), "mixes external models with registered"),
    (config(entity("a"), entity("b", task="llm/v1/embeddings")), "mixes the tasks llm/v1/chat, ll"),
    (config({**entity("a"), "workload_size": "Small"}), "0.workload_size' does not belong"),
    (config(*TWO), "'traffic_config.routes' is required when"),
    (config(entity(), entity()), "traffic_config.routes' is required"),
    (config(entity(), entity(), traffic_config=routes(x=1)), "names the served entity 'x'"),
    (config(*TWO, traffic_config=routes(a=50, b=40)), "sum to 90; accepted: 100"),
    (config(*TWO, traffic_config=routes(a=120, b=-20)), "has the value 120; accepted: 0 to 100"),
    (
        config(*TWO, traffic_config=routes(a=50, c=50)),
        "names the served entity 'c'; accepted: a, b",
    ),
    (
        config(
            *TWO,
            traffic_config={"routes": routes(a=50)["routes"] * 2},
        ),
        "more than one route to 'a'",
    ),
    (config(*TWO, traffic_config={"routes": [{"traffic_percentage": 100}]}), "must name one"),
    (
        config(entity("a"), entity("a"), traffic_config=routes(a=100)),
        "has the name 'a' more than once",
    ),
    (config(entity("a"), served_models=[{"model_name": "m"}]), "exclude each other"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_refused_configs(given: ConfigInput, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        check_config(given, "")


def test_a_config_is_needed() -> None:
    with pytest.raises(InvalidParameter, match="'config' is required"):
        check_config(None, "config.")


@pytest.mark.parametrize(
    ("given", "feature"),
    [
        (config(entity(), auto_capture_config={"enabled": True}), "Inference tables"),
    ],
)
def test_what_is_not_built(given: ConfigInput, feature: str) -> None:
    with pytest.raises(NotBuilt, match=feature):
        check_config(given, "")


def test_sealing() -> None:
    ((only, draft),) = check_config(config(entity()), "").entities
    assert draft is not None
    backend = sealed(only, draft, {"openai_api_key": "ciphertext"}).backend
    assert isinstance(backend, ExternalModel)
    assert backend.sealed == {"openai_api_key": "ciphertext"}


def test_tags() -> None:
    assert check_tags(None, "tags") == {}
    assert check_tags([TagInput(key="a"), TagInput(key="b", value="1")], "tags") == {
        "a": "",
        "b": "1",
    }


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([TagInput(key="")], "'tags.0.key' has the value ''"),
        ([TagInput(key="x" * 128)], "'tags.0.key'"),
        ([TagInput(key="a"), TagInput(key="a")], "'a' twice"),
        ([TagInput(key="a", value="x" * 256)], "'tags.0.value' is too long"),
    ],
)
def test_refused_tags(tags: list[TagInput], message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        check_tags(tags, "tags")
