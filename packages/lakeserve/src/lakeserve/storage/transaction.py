"""One transaction as callers see it: a repository per noun and no SQL."""

from sqlalchemy import Connection

from lakeserve.storage.accounts import AccountRepository
from lakeserve.storage.audit import AuditRepository
from lakeserve.storage.changes import ChangeRepository
from lakeserve.storage.clusters import ClusterRepository
from lakeserve.storage.endpoints import EndpointRepository
from lakeserve.storage.grants import GrantRepository
from lakeserve.storage.identity import IdentityRepository
from lakeserve.storage.keys import KeyRepository
from lakeserve.storage.secrets import SecretRepository
from lakeserve.storage.states import StateRepository
from lakeserve.storage.tokens import TokenRepository
from lakeserve.storage.usage import UsageRepository


class Transaction:
    """The repositories of one open transaction; valid only while it is open."""

    def __init__(self, connection: Connection) -> None:
        self.audit = AuditRepository(connection)
        self.accounts = AccountRepository(connection)
        self.changes = ChangeRepository(connection)
        self.endpoints = EndpointRepository(connection)
        self.grants = GrantRepository(connection)
        self.identity = IdentityRepository(connection)
        self.clusters = ClusterRepository(connection)
        self.keys = KeyRepository(connection)
        self.secrets = SecretRepository(connection)
        self.states = StateRepository(connection)
        self.tokens = TokenRepository(connection)
        self.usage = UsageRepository(connection)
