"""The headers that tell who answered."""

from gateway.stage import target
from lakeserve.gateway.relay import origin_headers


def test_odd_names_are_made_fit_for_headers() -> None:
    headers = dict(origin_headers(target("e", None, model_name="Über\r\nb")))
    assert headers == {b"served-model-name": b"e", b"x-lakeserve-model": b"?ber??b"}
