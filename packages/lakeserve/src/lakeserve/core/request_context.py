"""The id of the request that is being answered, for whatever is logged meanwhile."""

from contextvars import ContextVar

# Servers answer each request in a task of its own, so that its value ends with it.
current_request: ContextVar[str] = ContextVar("current_request", default="")
