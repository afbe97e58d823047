import orjson
from lakeserve.core.endpoints import Target
from lakeserve.providers.databricks import DatabricksProvider

TARGET = Target("id", "e", "databricks-model-serving", "a b", "M", 100, credential="dapi1")
PROVIDER = DatabricksProvider()


def test_the_endpoint_is_in_the_path() -> None:
    request = PROVIDER.build(TARGET, "chat", {"model": "mine", "messages": []}, b"unused")
    assert request.path == "/serving-endpoints/a%20b/invocations"
    assert request.headers == (("authorization", "Bearer dapi1"),)
    assert orjson.loads(request.body) == {"messages": []}


def test_bytes_pass_where_nothing_changes() -> None:
    raw = b'{ "messages": [] }'
    assert PROVIDER.build(TARGET, "chat", {"messages": []}, raw).body is raw
