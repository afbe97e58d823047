import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.crypto import (
    KEY_BYTES,
    DecryptionError,
    KeyRing,
    decrypt,
    encrypt,
    new_master_key,
    pack,
    parse_master_keys,
    unpack,
)
from lakeserve.core.errors import ConfigurationError

KEY = b"k" * KEY_BYTES
OLD, NEW = new_master_key(), new_master_key()


@given(st.binary(max_size=2000), st.text(max_size=50))
def test_what_was_encrypted_comes_back(plain: bytes, context: str) -> None:
    packed = encrypt(KEY, plain, context)
    assert decrypt(KEY, packed, context) == plain
    assert packed.isascii()
    assert packed.isprintable()
    assert encrypt(KEY, plain, context) != packed


@given(st.binary(min_size=12, max_size=12), st.binary(max_size=500))
def test_packing_keeps_both_parts(nonce: bytes, ciphertext: bytes) -> None:
    assert unpack(pack(nonce, ciphertext)) == (nonce, ciphertext)


@given(st.binary(min_size=1, max_size=100), st.data())
def test_a_changed_ciphertext_is_noticed(plain: bytes, data: st.DataObject) -> None:
    nonce, ciphertext = unpack(encrypt(KEY, plain, "here"))
    raw = bytearray(nonce + ciphertext)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DecryptionError):
        decrypt(KEY, pack(bytes(raw[:12]), bytes(raw[12:])), "here")


@given(st.text(max_size=200))
def test_texts_that_are_no_ciphertext(text: str) -> None:
    with pytest.raises(DecryptionError):
        decrypt(KEY, text, "here")


def test_a_ciphertext_belongs_to_one_place_and_one_key() -> None:
    packed = encrypt(KEY, b"value", "secret a b")
    with pytest.raises(DecryptionError, match="secret a c was changed"):
        decrypt(KEY, packed, "secret a c")
    with pytest.raises(DecryptionError):
        decrypt(b"x" * KEY_BYTES, packed, "secret a b")


def test_a_ring_reads_old_keys_and_writes_with_the_newest() -> None:
    data_key, raw = KeyRing([OLD], "old.key").new_data_key()
    both = KeyRing([NEW, OLD], "both.key")
    assert both.unwrap(data_key) == raw
    renewed = both.rewrap(data_key)
    assert (renewed.id, renewed.master_key_id) == (data_key.id, NEW.id)
    assert KeyRing([NEW], "new.key").unwrap(renewed) == raw


def test_a_missing_key_is_named() -> None:
    data_key, _ = KeyRing([OLD], "old.key").new_data_key()
    with pytest.raises(ConfigurationError, match=f"master key {OLD.id} .* not in new.key"):
        KeyRing([NEW], "new.key").unwrap(data_key)
    with pytest.raises(ConfigurationError, match="there: none"):
        KeyRing([], "nothing").find(OLD.id)


def test_keys_as_text() -> None:
    assert parse_master_keys([NEW.text, f" {OLD.text}\n"], "x") == (NEW, OLD)
    assert len(NEW.text) == 44
    assert NEW.id != OLD.id
    assert NEW.text not in repr(NEW)
    assert repr(NEW.raw) not in repr(NEW)


@pytest.mark.parametrize(
    "text", ["", "short", "ä" * 44, base64.urlsafe_b64encode(b"x" * 31).decode(), "=" * 44]
)
def test_texts_that_are_no_key_are_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError, match="the place: key 2 is not 32 bytes") as refused:
        parse_master_keys([NEW.text, text], "the place")
    assert not text or text not in str(refused.value)
