import orjson
import pytest
from lakeserve.core.endpoints import Target
from lakeserve.providers.custom import CustomProvider


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"path": "/v2/ask?x=1"}, ("authorization", "Bearer key")),
        ({"path": "/v2/ask?x=1", "header": "x-key"}, ("x-key", "key")),
    ],
)
def test_the_address_is_complete(options: dict[str, str], header: tuple[str, str]) -> None:
    target = Target("id", "e", "custom", "theirs", "T", 100, credential="key", options=options)
    request = CustomProvider().build(target, "chat", {"model": "mine", "messages": []}, None)
    assert (request.path, request.headers) == ("/v2/ask?x=1", (header,))
    assert orjson.loads(request.body) == {"model": "theirs", "messages": []}


def test_errors_carry_the_documented_name() -> None:
    error = CustomProvider().error(400, b"{}", {})
    assert orjson.loads(error.message)["external_model_provider"] == "custom"
