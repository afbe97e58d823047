import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.identity import Principal
from lakeserve.core.secrets import (
    VALUE_BYTES,
    Permission,
    SecretAcl,
    check_key,
    check_scope_name,
    check_value,
    parse_reference,
    permission_of,
    suffices,
)

KEY_CHARACTERS = string.ascii_letters + string.digits + "_.@-"
ANNA = Principal("7", "anna@example.com", "Anna", groups=("team",))


@given(
    st.text(KEY_CHARACTERS + "/", min_size=1, max_size=128),
    st.text(KEY_CHARACTERS, min_size=1, max_size=128),
)
def test_every_accepted_name_can_be_referred_to(scope: str, key: str) -> None:
    check_scope_name(scope)
    check_key(key)
    assert parse_reference(f"{{{{secrets/{scope}/{key}}}}}") == (scope, key)


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 129, "a\n", "{a}"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidParameter, match="Field 'scope' has the value"):
        check_scope_name(name)
    with pytest.raises(InvalidParameter, match="Field 'key' has the value"):
        check_key(name)


def test_a_key_has_no_slash() -> None:
    check_scope_name("a/b")
    with pytest.raises(InvalidParameter, match="'a/b'"):
        check_key("a/b")


def test_values_have_a_length() -> None:
    check_value(b"x" * VALUE_BYTES, "string_value")
    with pytest.raises(InvalidParameter, match="'string_value' holds 131073 bytes"):
        check_value(b"x" * (VALUE_BYTES + 1), "string_value")


@pytest.mark.parametrize(
    "text", ["sk-secret", "{{secrets/a}}", "{{secrets/a/}}", "{secrets/a/b}", "{{secrets/a/b}}x"]
)
def test_other_texts_are_no_reference_and_are_not_repeated(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"'\{\{secrets/<scope>/<key>\}\}'") as refused:
        parse_reference(text)
    assert text not in refused.value.message


@pytest.mark.parametrize(
    ("grants", "most"),
    [
        ([], None),
        ([("bob@example.com", "MANAGE")], None),
        ([("anna@example.com", "READ")], "READ"),
        ([("team", "WRITE"), ("users", "READ")], "WRITE"),
        ([("users", "READ"), ("anna@example.com", "MANAGE")], "MANAGE"),
        ([("admins", "MANAGE")], None),
    ],
)
def test_the_most_that_was_granted(
    grants: list[tuple[str, Permission]], most: Permission | None
) -> None:
    assert permission_of(ANNA, [SecretAcl(*grant) for grant in grants]) == most


def test_administrators_may_do_everything() -> None:
    assert permission_of(Principal("1", "a", "A", admin=True), []) == "MANAGE"


def test_more_includes_less() -> None:
    assert suffices("MANAGE", "READ")
    assert suffices("READ", "READ")
    assert not suffices("READ", "WRITE")
    assert not suffices(None, "READ")
