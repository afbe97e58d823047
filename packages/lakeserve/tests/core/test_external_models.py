import pytest
from lakeserve.core.endpoints import ExternalModel
from lakeserve.core.external_models import FORMS, is_signed, option, translation_name


@pytest.mark.parametrize("provider", FORMS)
def test_forms_name_each_field_once(provider: str) -> None:
    fields = FORMS[provider].fields
    assert len(set(fields)) == len(fields)
    assert set(FORMS[provider].addresses) <= set(fields)


@pytest.mark.parametrize(
    ("provider", "options", "name"),
    [
        ("openai", {}, "openai"),
        ("openai", {"openai_api_type": "azure"}, "azure"),
        ("openai", {"openai_api_type": "azuread"}, "azure"),
        ("custom", {}, "custom"),
    ],
)
def test_translations(provider: str, options: dict[str, str], name: str) -> None:
    assert translation_name(ExternalModel(provider, "m", options)) == name


def test_nested_options() -> None:
    options = {"a": {"b": "c"}, "d": "e"}
    assert option(options, "a.b") == "c"
    assert option(options, "d") == "e"
    assert option(options, "d.b") is None
    assert option(options, "x.y") is None


def test_sealed_values_do_not_show() -> None:
    assert "sealed" not in repr(ExternalModel("openai", "m", {}, {"openai_api_key": "x"}))


def test_whose_requests_are_signed() -> None:
    assert is_signed(ExternalModel("amazon-bedrock", "m", {}))
    assert is_signed(ExternalModel("google-cloud-vertex-ai", "m", {}))
    assert is_signed(ExternalModel("openai", "m", {"openai_api_type": "azuread"}))
    assert not is_signed(ExternalModel("openai", "m", {"openai_api_type": "azure"}))
    assert not is_signed(ExternalModel("anthropic", "m", {}))
