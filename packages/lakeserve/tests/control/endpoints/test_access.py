import pytest
from lakeserve.control.endpoints.access import check_may_manage, visible
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.errors import InvalidParameter, PermissionDenied, ResourceMissing
from lakeserve.core.grants import Grant
from lakeserve.core.identity import Principal

VIEWER = Principal("1", "viewer", "Viewer")
STRANGER = Principal("2", "stranger", "Stranger")
OWNER = Principal("3", "owner", "Owner")
GRANTS = (Grant("user", "viewer", "CAN_VIEW"),)
OWN = Endpoint("i", "n", "llm/v1/chat", "EXTERNAL_MODEL", "owner", 1, 1, (), grants=GRANTS)
BUILT_IN = Endpoint("i", "b", "llm/v1/chat", "FOUNDATION_MODEL_API", "System-User", 1, 1, ())


def test_what_may_not_be_seen_does_not_exist() -> None:
    assert visible(OWN, VIEWER, "name 'n'") is OWN
    assert visible(BUILT_IN, STRANGER, "name 'b'") is BUILT_IN
    texts = set()
    for endpoint in (OWN, None):
        with pytest.raises(ResourceMissing) as caught:
            visible(endpoint, STRANGER, "name 'n'")
        texts.add(caught.value.message)
    assert texts == {"Endpoint with name 'n' does not exist."}


def test_who_may_manage() -> None:
    check_may_manage(OWN, OWNER)
    with pytest.raises(PermissionDenied, match="viewer does not have CAN_MANAGE on 'n'"):
        check_may_manage(OWN, VIEWER)
    with pytest.raises(InvalidParameter, match="built-in"):
        check_may_manage(BUILT_IN, Principal("4", "root", "Root", admin=True))
