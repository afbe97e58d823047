"""Who am I, and to which host; the only reader of the environment.

A host and a token need no extra package. Everything else (profiles, OAuth, Azure, GCP,
notebooks, on-behalf-of-user) is left to `databricks-sdk`, the extra ``[auth]``, which is
imported when it is needed and runs in a thread of its own: it blocks, for minutes if a host
does not answer, and neither an event loop nor a timeout may wait for it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import os
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from langchain_lakeserve.errors import (
    ConfigurationError,
    CredentialsError,
    DeadlineExceededError,
    LakeserveError,
)

T = TypeVar("T")

SDK_HEADERS_FOR = 20.0
"""Seconds for which headers of the SDK are reused; it renews tokens 40 s before they expire."""


class Credentials(Protocol):
    """A host, and the headers that say who is asking."""

    @property
    def host(self) -> str:
        """Scheme and address, without a trailing slash."""

    def headers(self, timeout: float | None) -> dict[str, str]:
        """Return the headers, obtaining a token if need be."""

    async def aheaders(self, timeout: float | None) -> dict[str, str]:
        """Return the headers without ever blocking the event loop."""

    def renew(self) -> bool:
        """Forget the token; False when there is no way to get another."""


class TokenCredentials:
    """A host and a fixed token."""

    def __init__(self, host: str, token: str | None) -> None:
        self.host = host
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def headers(self, timeout: float | None) -> dict[str, str]:
        """Return the bearer header."""
        return self._headers

    async def aheaders(self, timeout: float | None) -> dict[str, str]:
        """Return the bearer header."""
        return self._headers

    def renew(self) -> bool:
        """A fixed token cannot be renewed."""
        return False


class SDKConfig(Protocol):
    """The part of `databricks.sdk.core.Config` that is used."""

    @property
    def host(self) -> str | None:
        """The workspace's address."""

    def authenticate(self) -> dict[str, str]:
        """Return headers; may block for a token."""


class SDKCredentials:
    """Whatever `databricks-sdk` knows to authenticate with.

    Args:
        config: Makes the SDK's configuration; called once, in a thread of its own.
        host: Overrides the configuration's host.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        config: Callable[[], SDKConfig],
        host: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = config
        self._host = host
        self._clock = clock
        self._config: SDKConfig | None = None
        self._cached: tuple[float, dict[str, str]] | None = None
        self._lock = threading.Lock()
        self._running: concurrent.futures.Future[dict[str, str]] | None = None

    @property
    def host(self) -> str:
        """The host; known once headers were asked for."""
        if self._host is None:
            raise CredentialsError("databricks-sdk found credentials but no host")
        return self._host

    def headers(self, timeout: float | None) -> dict[str, str]:
        """Return the SDK's headers, waiting for a token at most `timeout` seconds."""
        fresh = self._fresh()
        if fresh is not None:
            return fresh
        try:
            return self._fetch().result(timeout)
        except concurrent.futures.TimeoutError:
            raise self._late(timeout) from None

    async def aheaders(self, timeout: float | None) -> dict[str, str]:
        """Return the SDK's headers; the event loop goes on meanwhile."""
        fresh = self._fresh()
        if fresh is not None:
            return fresh
        waiting = asyncio.wrap_future(self._fetch())
        try:
            # Shielded: other calls wait for the same token.
            return await asyncio.wait_for(asyncio.shield(waiting), timeout)
        except asyncio.TimeoutError:
            raise self._late(timeout) from None

    def renew(self) -> bool:
        """Ask the SDK again at the next call."""
        self._cached = None
        self._config = None
        return True

    def _fresh(self) -> dict[str, str] | None:
        cached = self._cached
        if cached is None or self._clock() >= cached[0]:
            return None
        return cached[1]

    def _fetch(self) -> concurrent.futures.Future[dict[str, str]]:
        """Start fetching headers, or join the fetch that is under way."""
        with self._lock:
            if self._running is None or self._running.done():
                self._running = _in_thread(self._authenticate)
            return self._running

    def _authenticate(self) -> dict[str, str]:
        try:
            config = self._config or self._make()
            headers = config.authenticate()
        except LakeserveError:
            raise
        except Exception as error:  # the SDK raises many kinds; each means no credential
            raise CredentialsError(f"databricks-sdk could not authenticate: {error}") from error
        self._config = config
        if self._host is None and config.host:
            self._host = normalized_host(config.host)
        self._cached = (self._clock() + SDK_HEADERS_FOR, headers)
        return headers

    def _late(self, timeout: float | None) -> DeadlineExceededError:
        return DeadlineExceededError(f"databricks-sdk gave no credential within {timeout:.3g} s")


def environment_host() -> str | None:
    """Return `DATABRICKS_HOST`."""
    return os.environ.get("DATABRICKS_HOST") or None


def environment_token() -> str | None:
    """Return `DATABRICKS_TOKEN`."""
    return os.environ.get("DATABRICKS_TOKEN") or None


def profile_of(target_uri: str | None) -> str | None:
    """Return the profile that a target URI names.

    Raises:
        ConfigurationError: It is neither ``databricks`` nor ``databricks://profile``.
    """
    if target_uri is None or target_uri in {"databricks", "databricks://"}:
        return None
    scheme, _, profile = target_uri.partition("://")
    if scheme != "databricks" or not profile:
        raise ConfigurationError(
            f"target_uri must be 'databricks' or 'databricks://profile', not {target_uri!r}"
        )
    return profile


def resolve(
    host: str | None,
    token: str | None,
    target_uri: str | None = None,
    workspace_client: object | None = None,
) -> Credentials:
    """Find the credentials for the given arguments and the environment.

    Raises:
        CredentialsError: There are none, or `databricks-sdk` is needed and not installed.
    """
    profile = profile_of(target_uri)
    if workspace_client is not None:
        config = getattr(workspace_client, "config", None)
        if config is None or not callable(getattr(config, "authenticate", None)):
            raise ConfigurationError("workspace_client must be a databricks.sdk.WorkspaceClient")
        return SDKCredentials(lambda: config, host and normalized_host(host))
    if profile is None:
        found_host, found_token = host or environment_host(), token or environment_token()
        if not (found_host and found_token):
            context = _notebook()
            found_host = found_host or getattr(context, "browserHostName", None)
            found_token = found_token or getattr(context, "apiToken", None)
        if found_host and found_token:
            return TokenCredentials(normalized_host(found_host), found_token)
    return SDKCredentials(lambda: _sdk_config(host, token, profile), host and normalized_host(host))


def normalized_host(host: str) -> str:
    """Return scheme and address of a host as people write it.

    Without a scheme it is https, except for a loopback address, where nobody has a
    certificate. Query, fragment and trailing slashes of a copied browser address are dropped.

    Raises:
        ConfigurationError: It is not a host.

    Example:
        >>> normalized_host("test.cloud.databricks.com/?o=123")
        'https://test.cloud.databricks.com'
        >>> normalized_host("127.0.0.1:8000")
        'http://127.0.0.1:8000'
    """
    text = host.strip()
    if "://" not in text:
        text = ("http://" if _is_loopback(text) else "https://") + text
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"not a host: {host!r}; write https://my-workspace.example.com")
    if "@" in parts.netloc:
        raise ConfigurationError("a host may not carry a user or a password")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _is_loopback(text: str) -> bool:
    name = text.split("/", 1)[0]
    return name.startswith(("127.", "localhost", "[::1]")) and (
        not name.startswith("localhost") or name in {"localhost"} or name.startswith("localhost:")
    )


@lru_cache(maxsize=64)
def proxy_for(scheme: str, host: str) -> str | None:
    """Return the proxy that the environment prescribes for a host, once per host."""
    if urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(scheme)


def notebook_cluster_id() -> str | None:
    """Return the id of the cluster that this process runs on, if it is a notebook's driver."""
    context = _notebook()
    known = getattr(context, "clusterId", None) or os.environ.get("DATABRICKS_CLUSTER_ID")
    return str(known) if known else None


def _notebook() -> object | None:
    """Return the context of a Databricks notebook; only its runtime has the module."""
    try:
        runtime = importlib.import_module("dbruntime.databricks_repl_context")
    except ImportError:
        return None
    context: object = runtime.get_context()
    return context


def _sdk_config(host: str | None, token: str | None, profile: str | None) -> SDKConfig:
    try:
        core = importlib.import_module("databricks.sdk.core")
    except ImportError as error:
        missing = "host" if not (host or environment_host()) else "token"
        raise CredentialsError(
            f"no {missing}: set DATABRICKS_HOST and DATABRICKS_TOKEN or pass host= and token=; "
            "for profiles, OAuth and notebooks install langchain-lakeserve[auth]"
        ) from error
    config: SDKConfig = core.Config(host=host, token=token, profile=profile)
    return config


def _in_thread(work: Callable[[], T]) -> concurrent.futures.Future[T]:
    """Run in a daemon thread, which unlike a pool's does not hold up the end of the process."""
    future: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            future.set_exception(error)

    threading.Thread(target=run, name="lakeserve-credentials", daemon=True).start()
    return future
