"""The embeddings class: fields and LangChain's hooks."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from langchain_core.embeddings import Embeddings
from pydantic import Field, PrivateAttr

from langchain_lakeserve._connection import Connection
from langchain_lakeserve._json import JSONObject
from langchain_lakeserve._together import together
from langchain_lakeserve._vectors import (
    Batch,
    EmbeddingResult,
    batches,
    embedding_body,
    is_too_large,
    joined,
    named,
    read_vectors,
)
from langchain_lakeserve.errors import ConfigurationError, LakeserveError


class DatabricksEmbeddings(Connection, Embeddings):
    """Embedding models behind Databricks-style serving endpoints.

    Texts go out in batches, several at once, and come back in order. A batch that the
    endpoint refuses as too large is cut in two until it fits.

    Raises:
        LakeserveError: From calls; the message says which texts failed, `texts` holds them.

    Example:
        .. code-block:: python

            from langchain_lakeserve import DatabricksEmbeddings

            embeddings = DatabricksEmbeddings(endpoint="databricks-bge-large-en")
            embeddings.embed_query("hello")[:3]
    """

    if TYPE_CHECKING:
        # Documented spellings are no fields, so a generated signature would refuse them.
        def __init__(self, **arguments: Any) -> None: ...

    endpoint: str
    """Name of the serving endpoint; also accepted as `model`."""

    query_params: dict[str, Any] = Field(default_factory=dict)
    """Sent along with queries."""

    documents_params: dict[str, Any] = Field(default_factory=dict)
    """Sent along with documents; also accepted as `document_params`."""

    dimensions: int | None = Field(default=None, gt=0)
    """Length of the vectors, where the endpoint lets one choose."""

    encoding_format: Literal["float", "base64"] | None = None
    """``base64`` is smaller and faster, where the endpoint offers it; both are always read."""

    batch_size: int = Field(default=150, gt=0)
    """Most texts in one request."""

    max_concurrency: int = Field(default=8, gt=0)
    """Most requests at once."""

    show_progress_bar: bool = False
    """Whether to show progress over the batches; needs `tqdm`."""

    # Learnt from refusals.
    _accepted_size: int | None = PrivateAttr(default=None)

    @classmethod
    def _spellings(cls) -> dict[str, str]:
        return {**super()._spellings(), "model": "endpoint", "document_params": "documents_params"}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts.

        Example:
            .. code-block:: python

                vectors = embeddings.embed_documents(["one text", "another text"])
        """
        return self.embed_with_usage(texts).vectors

    def embed_query(self, text: str) -> list[float]:
        """Embed one text as a query.

        Example:
            .. code-block:: python

                vector = embeddings.embed_query("hello")
        """
        return self._embed(Batch(0, [text]), self._params(self.query_params), 1).vectors[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts; the async twin of `embed_documents`."""
        return (await self.aembed_with_usage(texts)).vectors

    async def aembed_query(self, text: str) -> list[float]:
        """Embed one text as a query; the async twin of `embed_query`."""
        params = self._params(self.query_params)
        return (await self._aembed(Batch(0, [text]), params, 1)).vectors[0]

    def embed_with_usage(self, texts: Sequence[str]) -> EmbeddingResult:
        """Embed texts, and say what it cost.

        Example:
            .. code-block:: python

                result = embeddings.embed_with_usage(["one text", "another text"])
                result.usage["total_tokens"]
        """
        todo = batches(texts, self._size())
        params = self._params(self.documents_params)
        if len(todo) <= 1 or self.max_concurrency == 1:
            parts = [self._embed(batch, params, len(texts)) for batch in self._progress(todo)]
            return joined(parts)
        with ThreadPoolExecutor(min(self.max_concurrency, len(todo))) as pool:
            running = [pool.submit(self._embed, batch, params, len(texts)) for batch in todo]
            try:
                return joined([future.result() for future in self._progress(running)])
            except BaseException:
                for future in running:
                    future.cancel()
                raise

    async def aembed_with_usage(self, texts: Sequence[str]) -> EmbeddingResult:
        """Embed texts, and say what it cost; the async twin of `embed_with_usage`."""
        todo = batches(texts, self._size())
        params = self._params(self.documents_params)
        free = asyncio.Semaphore(self.max_concurrency)
        update = self._progress_of(len(todo))

        async def embed(batch: Batch) -> EmbeddingResult:
            async with free:
                result = await self._aembed(batch, params, len(texts))
            update()
            return result

        return joined(await together(embed(batch) for batch in todo))

    def _embed(self, batch: Batch, params: JSONObject, total: int) -> EmbeddingResult:
        body = embedding_body(batch.texts, params)
        try:
            return read_vectors(self._connected().post(self._path(), body), len(batch.texts))
        except LakeserveError as error:
            halves = self._halves(batch, error, total)
        return joined([self._embed(half, params, total) for half in halves])

    async def _aembed(self, batch: Batch, params: JSONObject, total: int) -> EmbeddingResult:
        body = embedding_body(batch.texts, params)
        try:
            reply = await self._connected().apost(self._path(), body)
            return read_vectors(reply, len(batch.texts))
        except LakeserveError as error:
            halves = self._halves(batch, error, total)
        return joined([await self._aembed(half, params, total) for half in halves])

    def _halves(self, batch: Batch, error: LakeserveError, total: int) -> tuple[Batch, Batch]:
        if len(batch.texts) < 2 or not is_too_large(error):
            raise named(error, batch, total)
        first, second = batch.halves()
        self._accepted_size = len(second.texts)
        return first, second

    def _size(self) -> int:
        return min(self.batch_size, self._accepted_size or self.batch_size)

    def _params(self, params: JSONObject) -> JSONObject:
        own: JSONObject = {}
        if self.dimensions is not None:
            own["dimensions"] = self.dimensions
        if self.encoding_format is not None:
            own["encoding_format"] = self.encoding_format
        return {**own, **params}

    def _path(self) -> str:
        return f"/serving-endpoints/{quote(self.endpoint, safe='')}/invocations"

    def _progress(self, items: Sequence[Any]) -> Iterable[Any]:
        if not self.show_progress_bar:
            return items
        shown: Iterable[Any] = _bar()(items)
        return shown

    def _progress_of(self, total: int) -> Callable[[], object]:
        if not self.show_progress_bar:
            return lambda: None
        update: Callable[[], object] = _bar()(total=total).update
        return update


def _bar() -> Any:
    try:
        return importlib.import_module("tqdm.auto").tqdm
    except ImportError as error:
        raise ConfigurationError("show_progress_bar needs tqdm: pip install tqdm") from error
