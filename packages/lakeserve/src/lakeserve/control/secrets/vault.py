"""Encrypts and decrypts; answers for ``core.ports.SecretResolver``."""

from lakeserve.core.crypto import DataKey, DecryptionError, KeyRing, decrypt, encrypt
from lakeserve.core.errors import Internal, InvalidParameter, PermissionDenied
from lakeserve.core.ids import now_ms
from lakeserve.core.secrets import parse_reference, permission_of, suffices
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

_PREFIX = "sealed"


class Vault:
    """Secrets in plain text exist only here, for as long as a call takes.

    Args:
        storage: Where ciphertexts and wrapped keys lie.
        keys: The master keys.
    """

    def __init__(self, storage: Storage, keys: KeyRing) -> None:
        self._storage = storage
        self._keys = keys

    def encrypt(self, value: bytes, context: str) -> tuple[DataKey, str]:
        """A fresh data key and the value's ciphertext under it."""
        data_key, raw = self._keys.new_data_key()
        return data_key, encrypt(raw, value, context)

    def decrypt(self, data_key: DataKey, ciphertext: str, context: str) -> bytes:
        """What :meth:`encrypt` got.

        Raises:
            ConfigurationError: The master key is not at hand.
            Internal: What is stored was changed by somebody else.
        """
        try:
            return decrypt(self._keys.unwrap(data_key), ciphertext, context)
        except DecryptionError as error:
            raise Internal(f"A stored secret cannot be decrypted: {error}.") from None

    async def resolve(self, reference: str, creator: str) -> str:
        """See ``SecretResolver.resolve``."""
        scope, key = parse_reference(reference)

        def work(transaction: Transaction) -> tuple[DataKey, str]:
            principal = transaction.identity.active(creator)
            if not transaction.secrets.has_scope(scope):
                raise InvalidParameter(f"Scope {scope} does not exist!")
            acls = transaction.secrets.acls(scope)
            if principal is None or not suffices(permission_of(principal, acls), "READ"):
                raise PermissionDenied(f"{creator} does not have READ permission on scope {scope}.")
            found = transaction.secrets.find(scope, key)
            if found is None:
                raise InvalidParameter(f"Secret does not exist with scope: {scope} and key: {key}")
            return found

        data_key, ciphertext = await self._storage.read(work)
        try:
            return self.decrypt(data_key, ciphertext, secret_context(scope, key)).decode()
        except UnicodeDecodeError:
            raise InvalidParameter(
                f"The secret with scope: {scope} and key: {key} is not UTF-8 text."
            ) from None

    async def seal(self, value: str) -> str:
        """See ``SecretResolver.seal``."""
        data_key, raw = self._keys.new_data_key()
        now = now_ms()
        await self._storage.write(lambda transaction: transaction.keys.save_data_key(data_key, now))
        ciphertext = encrypt(raw, value.encode(), f"{_PREFIX} {data_key.id}")
        return f"{_PREFIX}:{data_key.id}:{ciphertext}"

    async def unseal(self, ciphertext: str) -> str:
        """See ``SecretResolver.unseal``; raises ``Internal`` when the text is none of ours."""
        prefix, _, rest = ciphertext.partition(":")
        key_id, _, packed = rest.partition(":")
        data_key = await self._storage.read(lambda transaction: transaction.keys.data_key(key_id))
        if prefix != _PREFIX or data_key is None:
            raise Internal("A stored secret cannot be decrypted: its key was deleted.")
        return self.decrypt(data_key, packed, f"{_PREFIX} {key_id}").decode()


def secret_context(scope: str, key: str) -> str:
    """What a secret's ciphertext is bound to; neither name can hold a space."""
    return f"secret {scope} {key}"
