from lakeserve.core.accounts import ClientSecret, Group


def test_a_secret_is_valid_until_it_expires() -> None:
    assert ClientSecret("i", "8", "digest", 1).is_valid(10**15)
    assert ClientSecret("i", "8", "digest", 1, expires_at=5).is_valid(4)
    assert not ClientSecret("i", "8", "digest", 1, expires_at=5).is_valid(5)


def test_two_groups_are_always_there() -> None:
    assert [Group("1", name, 0).is_built_in for name in ("users", "admins", "team")] == [
        True,
        True,
        False,
    ]
