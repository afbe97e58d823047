"""Envelope encryption: a data key per secret, encrypted with a master key that lies elsewhere.

Master keys are 32 random bytes, written as URL-safe base64 and known by an id that is derived from
them. A ciphertext is bound to a context, so that it cannot be moved to another place unnoticed.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from lakeserve.core.errors import ConfigurationError
from lakeserve.core.ids import object_id

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID_DIGITS = 16
VERSION = "v1"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that encrypts data keys.

    Attributes:
        id: Derived from the key; says nothing about it.
    """

    id: str
    raw: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The key as it is written in a key file."""
        return base64.urlsafe_b64encode(self.raw).decode()


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that encrypts one value, and how it is stored.

    Attributes:
        master_key_id: The master key that unwraps it.
        wrapped: The key, encrypted.
    """

    id: str
    master_key_id: str
    wrapped: str


class DecryptionError(Exception):
    """A ciphertext does not belong to the key or to the context it was read with."""


class KeyRing:
    """The master keys at hand.

    Args:
        keys: Newest first; the first one encrypts, all of them decrypt.
        source: Where they come from, as messages name it.
    """

    def __init__(self, keys: Iterable[MasterKey], source: str) -> None:
        self.keys = tuple(keys)
        self.source = source

    @property
    def current(self) -> MasterKey:
        """The key that encrypts."""
        return self.keys[0]

    def find(self, key_id: str) -> MasterKey:
        """The key of that id.

        Raises:
            ConfigurationError: It is not at hand.
        """
        for key in self.keys:
            if key.id == key_id:
                return key
        at_hand = ", ".join(key.id for key in self.keys) or "none"
        raise ConfigurationError(
            f"the master key {key_id} that stored secrets need is not in {self.source} (there:"
            f" {at_hand}). Put it back from where the key file was copied to, or list it in"
            " LAKESERVE_SECRET_KEYS; without it these secrets cannot be read"
        )

    def new_data_key(self) -> tuple[DataKey, bytes]:
        """A fresh data key: as it is stored, and the key itself."""
        raw = os.urandom(KEY_BYTES)
        return self._wrap(object_id(), raw), raw

    def unwrap(self, key: DataKey) -> bytes:
        """The data key itself.

        Raises:
            ConfigurationError: Its master key is not at hand.
            DecryptionError: What is stored was changed.
        """
        return decrypt(self.find(key.master_key_id).raw, key.wrapped, f"data key {key.id}")

    def rewrap(self, key: DataKey) -> DataKey:
        """The same data key under the current master key.

        Raises:
            ConfigurationError: Its master key is not at hand.
            DecryptionError: What is stored was changed.
        """
        return self._wrap(key.id, self.unwrap(key))

    def _wrap(self, key_id: str, raw: bytes) -> DataKey:
        wrapped = encrypt(self.current.raw, raw, f"data key {key_id}")
        return DataKey(key_id, self.current.id, wrapped)


def new_master_key() -> MasterKey:
    """A fresh master key."""
    return _master_key(os.urandom(KEY_BYTES))


def parse_master_keys(texts: Iterable[str], source: str) -> tuple[MasterKey, ...]:
    """Master keys from their texts, in the same order.

    Raises:
        ConfigurationError: A text is no key. The message names the source, never the text.
    """
    keys = []
    for number, text in enumerate(texts, start=1):
        try:
            raw = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != KEY_BYTES:
            raise ConfigurationError(
                f"{source}: key {number} is not {KEY_BYTES} bytes in URL-safe base64 (44"
                " characters, as 'lakeserve secrets new-key' prints them)"
            )
        keys.append(_master_key(raw))
    return tuple(keys)


def encrypt(key: bytes, plain: bytes, context: str) -> str:
    """A text that :func:`decrypt` turns back, with the same key and context only."""
    # Loading takes 40 ms, which a platform without secrets need not spend.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    return pack(nonce, AESGCM(key).encrypt(nonce, plain, context.encode()))


def decrypt(key: bytes, packed: str, context: str) -> bytes:
    """What :func:`encrypt` got.

    Raises:
        DecryptionError: Key, context or text are not those of then.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, ciphertext = unpack(packed)
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, context.encode())
    except InvalidTag:
        raise DecryptionError(f"{context} was changed, or belongs to another key") from None


def pack(nonce: bytes, ciphertext: bytes) -> str:
    """Nonce and ciphertext in one text: a version, a dot, URL-safe base64."""
    return f"{VERSION}.{base64.urlsafe_b64encode(nonce + ciphertext).decode()}"


def unpack(packed: str) -> tuple[bytes, bytes]:
    """Nonce and ciphertext of a packed text.

    Raises:
        DecryptionError: It is not one.
    """
    version, dot, text = packed.partition(".")
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if version != VERSION or not dot or len(raw) < NONCE_BYTES:
        raise DecryptionError("a stored ciphertext is not in a form that this version knows")
    return raw[:NONCE_BYTES], raw[NONCE_BYTES:]


def _master_key(raw: bytes) -> MasterKey:
    digest = hashlib.sha256(b"lakeserve master key id\0" + raw).hexdigest()
    return MasterKey(digest[:KEY_ID_DIGITS], raw)
