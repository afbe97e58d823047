from dataclasses import FrozenInstanceError

import pytest
from lakeserve.core.endpoints import Address, OpenAICompatible, Scale, Target, Workload


def test_credentials_are_not_shown() -> None:
    backend = OpenAICompatible("http://h", "m", api_key="sk-secret")
    target = Target("1", "n", "openai", "m", "m", 100, Address(), credential="sk-secret")
    assert "sk-secret" not in f"{backend!r} {target!r} {backend} {target}"


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        (
            Address(uds="/s"),
            {"uds": "/s", "host": "localhost", "port": 80, "tls": False, "base_path": ""},
        ),
        (
            Address(host="h", port=1, bearer="b"),
            {"host": "h", "port": 1, "tls": False, "base_path": "", "bearer": "b"},
        ),
    ],
)
def test_addresses_travel_as_plain_values(address: Address, plain: dict[str, object]) -> None:
    assert address.plain() == plain
    assert Address(**address.plain()) == address


def test_values_do_not_change() -> None:
    address = Address(uds="/s")
    with pytest.raises(FrozenInstanceError):
        address.uds = "/other"  # type: ignore[misc]


def test_replicas_share_the_calls_of_as_many_as_there_may_be() -> None:
    fixed = Scale(10, 3)
    assert (fixed.most, fixed.share(), fixed.follows_load) == (3, 4, False)
    growing = Scale(16, 1, most_replicas=4)
    assert (growing.most, growing.share(), growing.follows_load) == (4, 4, True)
    assert Scale(replicas=2).share() is None


def test_little_room_makes_fewer_and_larger_replicas() -> None:
    growing = Scale(64, 1, most_replicas=4).within(2)
    assert (growing.most, growing.share()) == (2, 32)
    alone = Scale(16, 1, most_replicas=2).within(1)
    assert (alone.most, alone.share(), alone.follows_load) == (1, 16, False)
    assert Scale(8, 3).within(1).most == 3  # those that always run were asked for


@pytest.mark.parametrize(
    ("workload", "share", "most"),
    [
        (Workload("Small"), 4, 1),
        (Workload("Medium"), 8, 2),
        (Workload("Large"), 16, 4),
        (Workload(None, min_concurrency=4, max_concurrency=20), 4, 5),
        (Workload(None, min_concurrency=0, max_concurrency=8), 4, 2),
        (Workload(None, max_concurrency=64), 64, 1),
    ],
)
def test_a_replica_holds_the_lower_bound(workload: Workload, share: int, most: int) -> None:
    assert (workload.scale.share(), workload.scale.most) == (share, most)
