"""The fields that say how to reach a host, shared by the three classes."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from langchain_core.load.serializable import Serializable
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, model_validator
from typing_extensions import Self

from langchain_lakeserve._auth import (
    environment_host,
    environment_token,
    normalized_host,
    profile_of,
    resolve,
)
from langchain_lakeserve._client import Client
from langchain_lakeserve._json import JSONObject


class Connection(Serializable):
    """How to reach a host, and as whom."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", protected_namespaces=())

    host: str | None = Field(default_factory=environment_host)
    """Address of the workspace or platform; `DATABRICKS_HOST` by default.

    Plain ``http://`` is fine. Without a scheme it is https, except for loopback addresses.
    """

    token: SecretStr | None = Field(
        default_factory=lambda: SecretStr(t) if (t := environment_token()) else None
    )
    """Access token, also accepted as `api_key`; `DATABRICKS_TOKEN` by default."""

    target_uri: str | None = None
    """``databricks``, or ``databricks://profile`` for a profile of `databricks-sdk`."""

    workspace_client: Any = Field(default=None, exclude=True, repr=False)
    """A `databricks.sdk.WorkspaceClient` whose credentials to use."""

    timeout: float | None = Field(default=None, gt=0)
    """Seconds for a whole call with retries and credentials, 600 by default.

    For a stream: until the first byte, and then between any two.
    """

    max_retries: int | None = Field(default=None, ge=0)
    """How often to try again after 408, 409, 429, 5xx and connection faults, 2 by default."""

    default_headers: Mapping[str, str] | None = Field(default=None, exclude=True, repr=False)
    """Headers for each request; kept out of `repr` and dumps, since they may hold secrets."""

    _client: Client | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _accept_spellings(cls, values: Any) -> Any:
        """Map other documented spellings, and refuse unknown arguments by name."""
        if not isinstance(values, Mapping):
            return values
        given = dict(values)
        for spelling, name in cls._spellings().items():
            if spelling in given and spelling not in cls.model_fields:
                value = given.pop(spelling)
                if name in given and given[name] is not None and given[name] != value:
                    raise ValueError(f"{spelling!r} and {name!r} are the same; give one of them")
                given[name] = value
        for name in given:
            if name not in cls.model_fields:
                raise ValueError(cls._unknown(name))
        return given

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        if self.host is not None:
            normalized_host(self.host)
        profile_of(self.target_uri)
        return self

    @classmethod
    def _spellings(cls) -> dict[str, str]:
        return {"api_key": "token", "api_token": "token"}

    @classmethod
    def _unknown(cls, name: str) -> str:
        known = [*cls.model_fields, *cls._spellings()]
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        if "extra_params" in cls.model_fields:
            hint += f" To send it to the endpoint, put it into extra_params: {{{name!r}: ...}}"
        return f"{cls.__name__} has no argument {name!r}{hint}"

    def _connected(self) -> Client:
        client = self._client
        if client is None:
            credentials = resolve(
                self.host,
                self.token.get_secret_value() if self.token else None,
                self.target_uri,
                self.workspace_client,
            )
            client = Client(credentials, self.timeout, self.max_retries, self.default_headers)
            self._client = client
        return client

    def __getstate__(self) -> dict[Any, Any]:
        """Leave behind what belongs to this process; credentials are found again there."""
        state = super().__getstate__()
        state["__dict__"] = {**state["__dict__"], "workspace_client": None}
        state["__pydantic_private__"] = {**(state["__pydantic_private__"] or {}), "_client": None}
        return state

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        if self.workspace_client is not None:
            memo[id(self.workspace_client)] = self.workspace_client  # shared, not copied
        return super().__deepcopy__(memo)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """LangChain can dump and load it; the token is then read from the environment."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The fields that dumps name instead of holding."""
        return {"token": "DATABRICKS_TOKEN"}


def merged(*layers: Mapping[str, Any]) -> JSONObject:
    """Merge request bodies, later ones winning; None means not given."""
    body: JSONObject = {}
    for layer in layers:
        body.update((key, value) for key, value in layer.items() if value is not None)
    return body
