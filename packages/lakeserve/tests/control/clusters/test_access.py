import pytest
from lakeserve.control.clusters.access import check_may_manage_cluster, visible_cluster
from lakeserve.core.clusters import Cluster
from lakeserve.core.errors import InvalidParameter, PermissionDenied
from lakeserve.core.grants import Grant
from lakeserve.core.identity import Principal

ANNA = Principal("1", "anna", "Anna")
ATTACH = Grant("user", "anna", "CAN_ATTACH_TO")


def test_what_may_not_be_seen_does_not_exist() -> None:
    hidden = Cluster("c", "h", creator="somebody")
    messages = set()
    for cluster in (None, hidden):
        with pytest.raises(InvalidParameter) as caught:
            visible_cluster(cluster, ANNA, "c")
        messages.add(caught.value.message)
    assert messages == {"Cluster c does not exist"}
    seen = Cluster("c", "h", creator="somebody", grants=(ATTACH,))
    assert visible_cluster(seen, ANNA, "c") == seen
    with pytest.raises(PermissionDenied, match="does not have CAN_MANAGE on cluster 'c'"):
        check_may_manage_cluster(seen, ANNA)
    check_may_manage_cluster(Cluster("c", "h", creator="anna"), ANNA)
