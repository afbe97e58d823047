"""The text completion class: fields and LangChain's hooks."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseLLM, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from pydantic import Field, PrivateAttr, field_validator, model_validator
from typing_extensions import Self, override

from langchain_lakeserve._auth import notebook_cluster_id
from langchain_lakeserve._completions import (
    RESPONSES_TASK,
    as_text,
    event_text,
    prediction,
    serving_body,
    serving_texts,
    speaks_openai,
    task_of,
)
from langchain_lakeserve._connection import Connection
from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve._requests import merged_body
from langchain_lakeserve._stop import cut_at_stop
from langchain_lakeserve._together import together
from langchain_lakeserve._usage import usage_metadata
from langchain_lakeserve.errors import ConfigurationError

_CUSTOM = "custom"


class Databricks(Connection, BaseLLM):
    """Text completion on a serving endpoint or on an app of a cluster's driver.

    Give either `endpoint_name`, or `cluster_driver_port` with `cluster_id` (in a notebook the
    cluster is known). Whatever kind the endpoint is: chat endpoints get a message, completion
    endpoints a prompt, custom models a record with ``prompt`` and ``stop``.

    Raises:
        LakeserveError: From calls; see `langchain_lakeserve.errors`.

    Example:
        .. code-block:: python

            from langchain_lakeserve import Databricks

            llm = Databricks(endpoint_name="dolly", model_kwargs={"temperature": 0.1})
            llm.invoke("How are you?", stop=["."])
    """

    if TYPE_CHECKING:
        # Documented spellings are no fields, so a generated signature would refuse them.
        def __init__(self, **arguments: Any) -> None: ...

    endpoint_name: str | None = None
    """Name of the serving endpoint; also accepted as `endpoint` and `model`."""

    cluster_id: str | None = None
    """The cluster on whose driver the app runs."""

    cluster_driver_port: int | None = Field(default=None, gt=0, le=65535)
    """The app's port, as a number or a text of digits."""

    model_kwargs: dict[str, Any] | None = None
    """Parameters for each request."""

    extra_params: dict[str, Any] = Field(default_factory=dict)
    """The same under its newer name; excludes `model_kwargs`."""

    transform_input_fn: Callable[..., Any] | None = Field(default=None, exclude=True)
    """Called with the request's fields as keywords; returns the request to send."""

    transform_output_fn: Callable[..., Any] | None = Field(default=None, exclude=True)
    """Called with the reply's JSON (a custom model's first prediction); returns the text."""

    temperature: float | None = None
    """Sampling temperature, for chat and completion endpoints."""

    n: int = Field(default=1, ge=1)
    """How many generations for each prompt."""

    stop: list[str] | None = None
    """Strings at which to stop; those of a call win."""

    max_tokens: int | None = None
    """Most tokens to generate, for chat and completion endpoints."""

    task: str | None = None
    """The endpoint's task, such as ``llm/v1/chat``; asked of the server when it is needed."""

    allow_dangerous_deserialization: bool = False
    """Whether a transform function may be the hex text of a pickle; loading one runs code."""

    _task: str | None = PrivateAttr(default=None)

    @classmethod
    @override
    def _spellings(cls) -> dict[str, str]:
        return {
            **super()._spellings(),
            "endpoint": "endpoint_name",
            "model": "endpoint_name",
            "databricks_uri": "target_uri",
        }

    @model_validator(mode="before")
    @classmethod
    def _load_functions(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        loaded = dict(values)
        for name in ("transform_input_fn", "transform_output_fn"):
            if not isinstance(text := loaded.get(name), str):
                continue
            if loaded.get("allow_dangerous_deserialization") is not True:
                raise ValueError(
                    f"{name} is a pickle; loading one can run any code. If you trust it, "
                    "pass allow_dangerous_deserialization=True"
                )
            loaded[name] = pickle.loads(bytes.fromhex(text))  # noqa: S301 - allowed by name
        return loaded

    @field_validator("cluster_driver_port", mode="before")
    @classmethod
    def _port_of_text(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.strip().isdigit() else value

    @model_validator(mode="after")
    def _check_target(self) -> Self:
        if self.model_kwargs and self.extra_params:
            raise ValueError("model_kwargs and extra_params are the same; give one of them")
        for name in ("prompt", "stop"):
            if name in (self.model_kwargs or {}) or name in self.extra_params:
                raise ValueError(f"{name!r} is not a parameter for model_kwargs or extra_params")
        if self.endpoint_name and (self.cluster_id or self.cluster_driver_port):
            raise ValueError("give endpoint_name or cluster_driver_port, not both")
        if not self.endpoint_name and not self.cluster_driver_port:
            raise ValueError("give endpoint_name, or cluster_driver_port for an app on a driver")
        return self

    def __call__(
        self, prompt: LanguageModelInput, stop: list[str] | None = None, **kwargs: Any
    ) -> str:
        """Do what `invoke` does, in the spelling of older documentation.

        Example:
            .. code-block:: python

                llm("How are you?", stop=["."])
        """
        return self.invoke(prompt, stop=stop, **kwargs)

    # --- LangChain's hooks ------------------------------------------------------------------

    @override
    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        return _result([self._complete(prompt, stop, kwargs) for prompt in prompts])

    @override
    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        await self._aknown_task()  # once, not once for each prompt
        calls = [self._acomplete(prompt, stop, kwargs) for prompt in prompts]
        return _result(await together(calls))

    @override
    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        task = self._known_task()
        if not self._streams(task):
            for generation in self._complete(prompt, stop, kwargs)[0][:1]:
                yield GenerationChunk(text=generation.text)
            return
        body = self._stream_body(prompt, stop, kwargs, task)
        with closing(self._connected().events(self._path(), body)) as events:
            for event in events:
                if text := event_text(event):
                    chunk = GenerationChunk(text=text)
                    if run_manager:
                        run_manager.on_llm_new_token(text, chunk=chunk)
                    yield chunk

    @override
    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        task = await self._aknown_task()
        if not self._streams(task):
            for generation in (await self._acomplete(prompt, stop, kwargs))[0][:1]:
                yield GenerationChunk(text=generation.text)
            return
        body = self._stream_body(prompt, stop, kwargs, task)
        async with aclosing(self._connected().aevents(self._path(), body)) as events:
            async for event in events:
                if text := event_text(event):
                    chunk = GenerationChunk(text=text)
                    if run_manager:
                        await run_manager.on_llm_new_token(text, chunk=chunk)
                    yield chunk

    # --- one prompt -------------------------------------------------------------------------

    def _complete(
        self, prompt: str, stop: list[str] | None, call: Mapping[str, Any]
    ) -> tuple[list[Generation], JSONValue]:
        task = self._known_task()
        body = self._body(prompt, stop, call, task)
        client, path = self._connected(), self._path()
        replies = [client.post(path, body) for _ in range(self._calls(task))]
        return self._read(replies, task, self._stop(stop))

    async def _acomplete(
        self, prompt: str, stop: list[str] | None, call: Mapping[str, Any]
    ) -> tuple[list[Generation], JSONValue]:
        task = await self._aknown_task()
        body = self._body(prompt, stop, call, task)
        client, path = self._connected(), self._path()
        calls = [client.apost(path, body) for _ in range(self._calls(task))]
        return self._read(await together(calls), task, self._stop(stop))

    def _body(
        self, prompt: str, stop: list[str] | None, call: Mapping[str, Any], task: str | None
    ) -> JSONObject:
        settings: JSONObject = {**(self.model_kwargs or {}), **self.extra_params}
        if speaks_openai(task):
            own = {"temperature": self.temperature, "max_tokens": self.max_tokens}
            settings.update((name, value) for name, value in own.items() if value is not None)
            if self.n != 1:
                settings["n"] = self.n
        request: JSONObject = {"prompt": prompt}
        if stopping := self._stop(stop):
            request["stop"] = stopping
        request.update(merged_body(settings, call))
        if self.transform_input_fn is not None:
            request = self.transform_input_fn(**request)
        return request if self.endpoint_name is None else serving_body(request, task)

    def _stream_body(
        self, prompt: str, stop: list[str] | None, call: Mapping[str, Any], task: str | None
    ) -> JSONObject:
        body = {**self._body(prompt, stop, call, task), "stream": True}
        body.pop("n", None)
        return body

    def _read(
        self, replies: list[JSONValue], task: str | None, stop: list[str] | None
    ) -> tuple[list[Generation], JSONValue]:
        generations = []
        usage = None
        for reply in replies:
            if self.transform_output_fn is not None:
                custom = self.endpoint_name is not None and not _is_model_task(task)
                given = prediction(reply) if custom else reply
                texts = [as_text(self.transform_output_fn(given))]
            elif self.endpoint_name is None:
                texts = [cut_at_stop(as_text(reply), stop)]
            else:
                texts = serving_texts(reply, task)
                if not _is_model_task(task):
                    texts = [cut_at_stop(text, stop) for text in texts]
            generations += [Generation(text=text) for text in texts]
            if isinstance(reply, dict) and isinstance(reply.get("usage"), dict):
                usage = usage_metadata(reply["usage"])
        return generations, usage

    def _stop(self, stop: list[str] | None) -> list[str] | None:
        return self.stop if stop is None else stop

    def _calls(self, task: str | None) -> int:
        """Say how many calls make `n` generations: only OpenAI's parameters have an `n`."""
        return 1 if speaks_openai(task) else self.n

    def _streams(self, task: str | None) -> bool:
        return speaks_openai(task) and self.transform_output_fn is None

    # --- where to ---------------------------------------------------------------------------

    def _path(self) -> str:
        if self.endpoint_name is not None:
            return f"/serving-endpoints/{quote(self.endpoint_name, safe='')}/invocations"
        cluster = self.cluster_id or notebook_cluster_id()
        if not cluster:
            raise ConfigurationError("outside of a notebook an app on a driver needs cluster_id")
        return f"/driver-proxy-api/o/0/{quote(cluster, safe='')}/{self.cluster_driver_port}/"

    def _known_task(self) -> str | None:
        known = self._task_given()
        if known is None:
            description = self._connected().get(self._description_path())
            known = self._task = task_of(description) or _CUSTOM
        return known

    async def _aknown_task(self) -> str | None:
        known = self._task_given()
        if known is None:
            description = await self._connected().aget(self._description_path())
            known = self._task = task_of(description) or _CUSTOM
        return known

    def _task_given(self) -> str | None:
        if self.endpoint_name is None:
            return _CUSTOM
        return self.task or self._task

    def _description_path(self) -> str:
        return f"/api/2.0/serving-endpoints/{quote(self.endpoint_name or '', safe='')}"

    # --- what LangChain asks about the model ------------------------------------------------

    @property
    @override
    def _llm_type(self) -> str:
        return "databricks"

    @property
    @override
    def _identifying_params(self) -> dict[str, Any]:
        names = (
            "host",
            "endpoint_name",
            "cluster_id",
            "cluster_driver_port",
            "model_kwargs",
            "extra_params",
            "temperature",
            "n",
            "stop",
            "max_tokens",
            "task",
        )
        return {name: value for name in names if (value := getattr(self, name)) not in (None, {})}

    @override
    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = "databricks"
        if self.endpoint_name:
            params["ls_model_name"] = self.endpoint_name
        return params


def _is_model_task(task: str | None) -> bool:
    """Say whether replies of this task have a form of their own, and no predictions."""
    return speaks_openai(task) or task == RESPONSES_TASK


def _result(completions: list[tuple[list[Generation], JSONValue]]) -> LLMResult:
    usage: JSONObject = {}
    for _, counted in completions:
        for name in ("input_tokens", "output_tokens", "total_tokens"):
            if counted:
                usage[name] = usage.get(name, 0) + counted[name]
    return LLMResult(
        generations=[generations for generations, _ in completions],
        llm_output={"token_usage": usage} if usage else {},
    )
