"""The gateway with all that joins its calls, for whichever process answers them."""

import contextlib

from lakeserve.core.ports import Activator, Directory
from lakeserve.gateway.app import Gateway
from lakeserve.gateway.cache import MemoryCache
from lakeserve.gateway.guardrails.inspection import open_inspector
from lakeserve.gateway.guardrails.rules import Guardrails
from lakeserve.gateway.inference import GatewayLimits
from lakeserve.gateway.limits.local import LocalLimiter
from lakeserve.gateway.limits.machine import open_limiter
from lakeserve.gateway.limits.shared import SharedLimiter, connect
from lakeserve.gateway.seams import Limiter, Seams
from lakeserve.gateway.tracing import OtelTracing, open_tracing
from lakeserve.reconcile.books import GatewayBooks
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage


async def open_gateway(
    stack: contextlib.AsyncExitStack,
    settings: Settings,
    storage: Storage,
    directory: Directory,
    activator: Activator,
    guardrails: Guardrails,
    *,
    is_one_of_several: bool,
) -> Gateway:
    """A gateway that limits and checks calls, keeps answers and writes calls down.

    Args:
        stack: Closes what belongs to the gateway; the gateway itself is closed by the caller.
        settings: Limits, prices and places.
        storage: Knows what was spent.
        directory: Knows endpoints and callers.
        activator: Starts workers.
        guardrails: What may be asked and answered.
        is_one_of_several: Whether other gateways use the data directory, too.
    """
    books = GatewayBooks(storage, directory, settings)
    stack.push_async_callback(books.stop)
    cache = MemoryCache(settings.cache.max_bytes)
    guardrails.prepare(directory.snapshot().endpoints.values())
    gateway = Gateway(
        directory,
        activator,
        GatewayLimits(
            settings.max_request_bytes,
            settings.request_timeout_s,
            settings.mlflow.max_request_bytes,
        ),
        Seams(
            ledger=books.ledger,
            limiter=_limiter(stack, settings, is_one_of_several),
            cache=cache,
            rules=guardrails,
            tracing=_tracing(stack, settings),
        ),
    )
    await books.start(
        {
            "in_flight": lambda: gateway.in_flight,
            "upstream_connections": lambda: gateway.upstream_connections,
            "cache_bytes": lambda: cache.size,
            "cache_hits": lambda: cache.hits,
            "cache_misses": lambda: cache.misses,
        }
    )
    return gateway


def open_guardrails(settings: Settings) -> Guardrails:
    """What checks questions and answers, as far as this installation can."""
    return Guardrails(open_inspector(settings.guardrail_classifier))


def _tracing(stack: contextlib.AsyncExitStack, settings: Settings) -> OtelTracing | None:
    chosen = settings.telemetry
    if chosen.otlp_endpoint is None:
        return None
    headers = {name: value.get_secret_value() for name, value in chosen.otlp_headers.items()}
    opened = open_tracing(chosen.otlp_endpoint, headers, chosen.sample_ratio, chosen.service_name)
    stack.push_async_callback(opened.aclose)
    return opened


def _limiter(
    stack: contextlib.AsyncExitStack, settings: Settings, is_one_of_several: bool
) -> Limiter:
    if settings.redis_url is not None:
        shared = SharedLimiter(connect(settings.redis_url.get_secret_value()))
        stack.push_async_callback(shared.aclose)
        return shared
    if is_one_of_several:
        together = open_limiter(settings.data_dir)
        stack.callback(together.close)
        return together
    return LocalLimiter()
