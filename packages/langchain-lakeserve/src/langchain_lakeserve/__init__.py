"""LangChain chat models, embeddings and LLMs for Databricks-style serving endpoints."""

from langchain_lakeserve.chat_models import ChatDatabricks
from langchain_lakeserve.embeddings import DatabricksEmbeddings
from langchain_lakeserve.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    CredentialsError,
    DeadlineExceededError,
    EmptyReplyError,
    LakeserveError,
    NotFoundError,
    NotJSONError,
    PermissionDeniedError,
    RateLimitError,
    ReplyError,
    RequestTooLargeError,
    ServerError,
    StatusError,
    StreamedAPIError,
    StreamInterruptedError,
)
from langchain_lakeserve.init import init_chat_model, init_embeddings
from langchain_lakeserve.llms import Databricks

__all__ = [
    "APIError",
    "AuthenticationError",
    "BadRequestError",
    "ChatDatabricks",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "CredentialsError",
    "Databricks",
    "DatabricksEmbeddings",
    "DeadlineExceededError",
    "EmptyReplyError",
    "LakeserveError",
    "NotFoundError",
    "NotJSONError",
    "PermissionDeniedError",
    "RateLimitError",
    "ReplyError",
    "RequestTooLargeError",
    "ServerError",
    "StatusError",
    "StreamInterruptedError",
    "StreamedAPIError",
    "init_chat_model",
    "init_embeddings",
]
