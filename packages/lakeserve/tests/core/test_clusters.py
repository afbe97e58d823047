from dataclasses import replace

import pytest
from lakeserve.core.clusters import (
    Cluster,
    RoutableCluster,
    cluster_level_of,
    routable_cluster,
    who_may_use,
)
from lakeserve.core.grants import Grant, Grantees, Level
from lakeserve.core.identity import Principal

ANNA = Principal("1", "anna", "Anna", groups=("team",))
ADMIN = Principal("2", "root", "Root", admin=True)
OWNER = Principal("3", "owner", "Owner")
MINE = Cluster("c", "127.0.0.1", tls=True, ca_pem="pem", creator="owner")


@pytest.mark.parametrize("level", ["CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE"])
def test_levels(level: Level) -> None:
    assert cluster_level_of(MINE, ANNA) is None
    for grant in (Grant("user", "anna", level), Grant("group", "team", level)):
        assert cluster_level_of(replace(MINE, grants=(grant,)), ANNA) == level
    assert cluster_level_of(MINE, ADMIN) == cluster_level_of(MINE, OWNER) == "CAN_MANAGE"


def test_what_the_driver_proxy_sees() -> None:
    attach = Grant("group", "team", "CAN_ATTACH_TO")
    callers = Grantees(frozenset({"owner"}), frozenset({"admins", "team"}))
    granted = replace(MINE, grants=(attach,))
    assert routable_cluster(granted) == RoutableCluster("c", "127.0.0.1", callers, True, "pem")
    assert who_may_use(granted, "CAN_RESTART").groups == {"admins"}
