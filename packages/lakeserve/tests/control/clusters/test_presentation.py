import pytest
from lakeserve.control.clusters.presentation import chosen, cluster_info, page
from lakeserve.core.clusters import Cluster
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.grants import Grant
from lakeserve.core.identity import Principal

ATTACH = Grant("user", "anna", "CAN_ATTACH_TO")
ONE = Cluster("1", "box", name="b", creator="root", created_at=5, grants=(ATTACH,))
TWO = Cluster("2", "box", name="A")
ROWS: list[dict[str, object]] = [{"n": number} for number in range(5)]


def test_where_it_is_only_managers_see() -> None:
    common = cluster_info(ONE, Principal("1", "anna", "Anna"))
    assert common["state"] == "RUNNING"
    assert "box" not in str(common)
    assert cluster_info(ONE, Principal("2", "root", "Root")) == {
        **common,
        "lakeserve": {
            "host": "box",
            "tls": False,
            "has_own_authority": False,
            "from_settings": False,
        },
    }


def test_choice_and_order() -> None:
    assert chosen([ONE, TWO], None, by_name=False, descending=False) == [ONE, TWO]
    assert chosen([ONE, TWO], None, by_name=False, descending=True) == [TWO, ONE]
    assert chosen([ONE, TWO], ["RUNNING,PENDING"], by_name=True, descending=False) == [TWO, ONE]
    assert chosen([ONE, TWO], ["TERMINATED"], by_name=True, descending=False) == []


def test_pages() -> None:
    seen: list[object] = []
    token: str | None = None
    for _ in range(3):
        shown = page(ROWS, 2, token)
        seen.append(shown["clusters"])
        following = shown.get("next_page_token")
        assert following is None or isinstance(following, str)
        token = following
    assert seen == [ROWS[:2], ROWS[2:4], ROWS[4:]]
    assert token is None
    assert page(ROWS, 2, "4")["prev_page_token"] == "2"
    assert page(ROWS, 9, None) == {"clusters": ROWS}


@pytest.mark.parametrize("token", ["x", "-1", "9" * 10, "²"])
def test_tokens_of_no_page(token: str) -> None:
    with pytest.raises(InvalidParameter, match="next_page_token"):
        page(ROWS, 2, token)
