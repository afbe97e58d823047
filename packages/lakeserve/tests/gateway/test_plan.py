"""Which endpoint a call asks for."""

from dataclasses import replace
from typing import Any

import pytest
from gateway.stage import endpoint
from lakeserve.core.errors import BadRequest, PermissionDenied, ResourceMissing
from lakeserve.core.grants import NOBODY, Grantees
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.plan import MISSING_ENDPOINT, model_name, permitted

ANN = Principal("1", "ann", "Ann")


def test_who_may() -> None:
    one = endpoint("e", "llm/v1/chat")
    assert permitted(Snapshot(endpoints={"e": one}), ANN, "e") is one
    seen = replace(one, callers=NOBODY, viewers=Grantees(frozenset({"ann"})))
    with pytest.raises(PermissionDenied, match="CAN_QUERY on 'e'"):
        permitted(Snapshot(endpoints={"e": seen}), ANN, "e")
    hidden = replace(seen, viewers=NOBODY)
    for snapshot in (Snapshot(endpoints={"e": hidden}), Snapshot()):
        with pytest.raises(ResourceMissing) as caught:
            permitted(snapshot, ANN, "e")
        assert caught.value.message == MISSING_ENDPOINT


@pytest.mark.parametrize("body", [{}, {"model": 3}, {"model": None}])
def test_no_model(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="'model'"):
        model_name(body)


def test_model() -> None:
    assert model_name({"model": "x"}) == "x"
