"""Databases as earlier releases left them: each schema with the rows that it could hold."""

import json
from collections.abc import Callable, Mapping

from alembic.config import Config
from alembic.script import ScriptDirectory
from databases import Database
from lakeserve.core.crypto import KeyRing, encrypt, new_master_key
from lakeserve.core.identity import token_digest

ANNA, ANNAS_TOKEN = "anna@example.com", "dapi" + "a" * 64
ADMIN_ID, ANNA_ID, ROBOT_ID = "1001", "2001", "2002"
ROBOT = "5f0c2d1e-7a54-4a7e-9b0a-111111111111"
SECRET, SEALED = "sk-kept-in-a-scope", "sk-given-in-plain-text"
LOCAL, EXTERNAL = "e" * 32, "f" * 32
OLD_ENTITY, SEALED_ENTITY, LOCAL_ENTITY = "1" * 32, "2" * 32, "3" * 32

# As the fifth schema's release wrote it; later ones have to read it as it is.
AI_GATEWAY = {
    "rate_limits": [{"key": "endpoint", "calls": 100, "tokens": None, "principal": None}],
    "usage_tracking": False,
    "payload_table": None,
    "input_rules": None,
    "output_rules": None,
    "fallback": False,
    "routing": {
        "fallback_statuses": [],
        "timeout_s": None,
        "first_token_timeout_s": None,
        "retries": 0,
        "shadow_entity": None,
    },
    "budgets": [],
    "cache_ttl_s": None,
}


def revisions() -> list[str]:
    """Every released schema, oldest first."""
    config = Config()
    config.set_main_option("script_location", "lakeserve.storage:migrations")
    config.set_main_option("path_separator", "os")
    walked = ScriptDirectory.from_config(config).walk_revisions()
    return sorted(script.revision for script in walked)


class Release:
    """Fills a database as a release of some schema would have.

    Attributes:
        keys: The master keys that its secrets are under.
    """

    def __init__(self, database: Database, base_url: str = "http://127.0.0.1:1") -> None:
        self.keys = KeyRing([new_master_key()], "the test")
        self._database = database
        self._base_url = base_url

    def build(self, revision: str) -> None:
        """Bring the database to a schema, with rows of it and of those before it."""
        fillers: Mapping[str, Callable[[], None]] = {
            "0001": self._first_tables,
            "0002": self._secrets_and_identity,
            "0003": self._endpoint_changes,
            "0004": self._grants,
            "0005": self._ai_gateway,
            "0006": self._clusters,
        }
        for each in revisions():
            self._database.bring_to(each)
            if each in fillers:
                fillers[each]()
            if each == revision:
                return

    def _first_tables(self) -> None:
        insert = self._database.insert
        for account, name, admin in (
            (ADMIN_ID, "admin@lakeserve.local", True),
            (ANNA_ID, ANNA, False),
        ):
            insert("users", id=account, name=name, display_name=name, admin=admin, created_at=5)
        for digest, origin in ((token_digest(ANNAS_TOKEN), "api"), ("of the settings", "settings")):
            insert(
                "tokens",
                digest=digest,
                user_id=ANNA_ID if origin == "api" else ADMIN_ID,
                origin=origin,
                comment="words",
                created_at=6,
            )
        self._endpoint(LOCAL, "local", "CUSTOM_MODEL")
        self._entity(LOCAL_ENTITY, LOCAL, {"kind": "local", "reference": "demo"})
        insert(
            "entity_states",
            entity_id=LOCAL_ENTITY,
            deployment="DEPLOYMENT_READY",
            message="",
            updated_at=7,
        )
        insert("clusters", id="0000-1", host="127.0.0.1", tls=False)

    def _secrets_and_identity(self) -> None:
        insert = self._database.insert
        insert(
            "users",
            id=ROBOT_ID,
            name=ROBOT,
            display_name="Robot",
            admin=False,
            created_at=8,
            kind="service_principal",
        )
        insert("groups", id="3001", name="team", created_at=8)
        insert("group_members", group_id="3001", user_id=ANNA_ID)
        insert("secret_scopes", name="scope", creator="admin@lakeserve.local", created_at=9)
        insert("secret_acls", scope="scope", principal="admin@lakeserve.local", permission="MANAGE")
        key_id, ciphertext = self._encrypted(SECRET, "secret scope key")
        insert(
            "secrets",
            scope="scope",
            key="key",
            data_key_id=key_id,
            ciphertext=ciphertext,
            updated_at=9,
        )
        insert(
            "audit_log", at=9, actor=ANNA, action="put", object="secret", source="::1", status=200
        )

    def _endpoint_changes(self) -> None:
        self._endpoint(EXTERNAL, "external", "EXTERNAL_MODEL")
        options = {"openai_api_key": "{{secrets/scope/key}}", "openai_api_base": self._base_url}
        external = {"kind": "external", "provider": "openai", "name": "gpt-4", "options": options}
        self._entity(OLD_ENTITY, EXTERNAL, {**external, "sealed": {}}, traffic=0)
        key_id, ciphertext = self._encrypted(SEALED, "sealed {key_id}")
        model = {
            **external,
            "options": {"openai_api_base": self._base_url},
            "sealed": {"openai_api_key": f"sealed:{key_id}:{ciphertext}"},
        }
        self._entity(SEALED_ENTITY, EXTERNAL, model, traffic=100, position=1)
        self._database.insert("endpoint_tags", endpoint_id=EXTERNAL, key="team", value="a")
        self._database.insert(
            "endpoint_notifications",
            endpoint_id=EXTERNAL,
            on_update_success="[]",
            on_update_failure="[]",
        )
        self._database.insert(
            "config_updates",
            endpoint_id=EXTERNAL,
            id="u",
            entities="[]",
            started_at=1,
            failure="gpt-5: no such secret",
        )

    def _grants(self) -> None:
        self._database.insert(
            "endpoint_grants", endpoint_id=EXTERNAL, kind="group", name="team", level="CAN_QUERY"
        )

    def _ai_gateway(self) -> None:
        self._database.execute(
            "UPDATE endpoints SET ai_gateway = :block WHERE id = :id",
            block=json.dumps(AI_GATEWAY),
            id=EXTERNAL,
        )

    def _clusters(self) -> None:
        self._database.insert(
            "clusters",
            id="0000-2",
            host="127.0.0.1",
            tls=False,
            name="driver",
            creator=ANNA,
            created_at=10,
            from_settings=False,
        )
        self._database.insert(
            "object_grants",
            object_type="clusters",
            object_id="0000-2",
            kind="group",
            name="team",
            level="CAN_ATTACH_TO",
        )

    def _endpoint(self, endpoint_id: str, name: str, endpoint_type: str) -> None:
        self._database.insert(
            "endpoints",
            id=endpoint_id,
            name=name,
            task="llm/v1/chat",
            endpoint_type=endpoint_type,
            creator="admin@lakeserve.local",
            created_at=1,
            updated_at=2,
            config_version=3,
            description="words",
        )

    def _entity(
        self,
        entity_id: str,
        endpoint_id: str,
        backend: Mapping[str, object],
        traffic: int = 100,
        position: int = 0,
    ) -> None:
        self._database.insert(
            "served_entities",
            id=entity_id,
            endpoint_id=endpoint_id,
            position=position,
            name=f"entity-{position}",
            backend=json.dumps(backend),
            model_name="gpt-4",
            model_description="M.",
            start="on-demand",
            traffic_percentage=traffic,
        )

    def _encrypted(self, value: str, context: str) -> tuple[str, str]:
        """The id of a stored data key and a value's ciphertext under it."""
        data_key, raw = self.keys.new_data_key()
        self._database.insert(
            "data_keys",
            id=data_key.id,
            master_key_id=data_key.master_key_id,
            wrapped=data_key.wrapped,
            created_at=4,
        )
        return data_key.id, encrypt(raw, value.encode(), context.format(key_id=data_key.id))
