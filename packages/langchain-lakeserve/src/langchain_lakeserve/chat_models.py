"""The chat model: fields and LangChain's hooks."""

from __future__ import annotations

import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr, model_validator
from typing_extensions import Self, override

from langchain_lakeserve._chunks import ChatStreamReader
from langchain_lakeserve._connection import Connection
from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve._replies import chat_result
from langchain_lakeserve._requests import (
    ChatRequest,
    chat_request,
    explained,
    refuses_usage_option,
    response_request,
)
from langchain_lakeserve._response_events import ResponseStreamReader
from langchain_lakeserve._response_replies import response_result
from langchain_lakeserve.errors import BadRequestError

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from langchain_lakeserve._structured import Schema
    from langchain_lakeserve._tools import Tool, ToolChoice

_BODY_FIELDS = (
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "parallel_tool_calls",
)


class ChatDatabricks(Connection, BaseChatModel):
    """Chat models behind Databricks-style serving endpoints.

    Host and token come from the arguments or from `DATABRICKS_HOST` and `DATABRICKS_TOKEN`;
    anything else that `databricks-sdk` knows needs the extra ``[auth]``.

    Values given at a call win over those of the constructor. Unknown arguments are refused
    by name; put what only the endpoint knows into `extra_params`.

    Raises:
        LakeserveError: From calls; see `langchain_lakeserve.errors`.

    Example:
        .. code-block:: python

            from langchain_lakeserve import ChatDatabricks

            chat_model = ChatDatabricks(
                endpoint="databricks-dbrx-instruct",
                temperature=0.1,
                max_tokens=256,
            )
            chat_model.invoke("What is MLflow?")
    """

    if TYPE_CHECKING:
        # Documented spellings are no fields, so a generated signature would refuse them.
        def __init__(self, **arguments: Any) -> None: ...

    model: str
    """Name of the serving endpoint; also accepted as `endpoint`."""

    temperature: float | None = None
    """Sampling temperature."""

    top_p: float | None = None
    """Probability mass to sample from."""

    n: int = Field(default=1, ge=1)
    """How many choices to generate; a stream hands the further ones out with its last chunk."""

    stop: list[str] | None = Field(default=None)
    """Strings at which to stop; `stop_sequences` is the same."""

    max_tokens: int | None = None
    """Most tokens to generate."""

    seed: int | None = None
    """Seed for sampling, where the endpoint honours it."""

    logprobs: bool | None = None
    """Whether to return log probabilities, in `response_metadata`."""

    top_logprobs: int | None = None
    """How many alternatives per token to return with `logprobs`."""

    reasoning_effort: str | None = None
    """How long a reasoning model thinks: low, medium, high, ..."""

    parallel_tool_calls: bool | None = None
    """Whether the model may call several tools at once; sent only along with tools."""

    extra_params: dict[str, Any] = Field(default_factory=dict)
    """Sent as they are; the fields above win over them."""

    streaming: bool = False
    """Whether `invoke` streams behind the scenes."""

    stream_usage: bool = True
    """Whether streams report usage, and ask the endpoint for it."""

    use_responses_api: bool = False
    """Speak the Responses API instead of chat completions."""

    use_ai_gateway: bool = False
    """Call ``/ai-gateway/mlflow/v1`` instead of ``/serving-endpoints``."""

    use_ai_gateway_native_api: bool = False
    """Call ``/ai-gateway/openai/v1`` instead of ``/serving-endpoints``."""

    replay_reasoning: Literal["signed", "all", "none"] = "signed"
    """Which reasoning of earlier replies to send back.

    ``signed``: what an endpoint of this kind has signed, as it is needed to go on after a tool
    call. ``all`` and ``none`` say so.
    """

    # Names of endpoints that refused `stream_options`.
    _without_usage_option: set[str] = PrivateAttr(default_factory=set)

    @model_validator(mode="after")
    def _check_gateway(self) -> Self:
        if self.use_ai_gateway and self.use_ai_gateway_native_api:
            raise ValueError("use_ai_gateway and use_ai_gateway_native_api exclude each other")
        return self

    @classmethod
    @override
    def _spellings(cls) -> dict[str, str]:
        return {
            **super()._spellings(),
            "endpoint": "model",
            "model_name": "model",
            "stop_sequences": "stop",
        }

    @property
    def endpoint(self) -> str:
        """Name of the serving endpoint."""
        return self.model

    def __call__(
        self, messages: LanguageModelInput, stop: list[str] | None = None, **kwargs: Any
    ) -> AIMessage:
        """Do what `invoke` does, in the spelling of older documentation.

        Example:
            .. code-block:: python

                chat([HumanMessage(content="hello")])
        """
        return self.invoke(messages, stop=stop, **kwargs)

    # --- LangChain's hooks ------------------------------------------------------------------

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        request = self._request(messages, stop, kwargs)
        with explained(request.body):
            reply = self._connected().post(request.path, request.body, request.timeout)
        return _result(request, reply)

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        request = self._request(messages, stop, kwargs)
        with explained(request.body):
            reply = await self._connected().apost(request.path, request.body, request.timeout)
        return _result(request, reply)

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        request = self._request(messages, stop, kwargs, stream=True)
        reader = _reader(request)
        with explained(request.body), closing(self._events(request)) as events:
            for event in events:
                if (chunk := reader.read(event)) is not None:
                    yield chunk
        yield reader.finish()

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        request = self._request(messages, stop, kwargs, stream=True)
        reader = _reader(request)
        with explained(request.body):
            async with aclosing(self._aevents(request)) as events:
                async for event in events:
                    if (chunk := reader.read(event)) is not None:
                        yield chunk
        yield reader.finish()

    def _events(self, request: ChatRequest) -> Generator[JSONObject]:
        client = self._connected()
        try:
            yield from client.events(request.path, request.body, request.timeout)
        except BadRequestError as error:
            if not self._may_ask_without_usage(request, error):
                raise
            plain = request.without_usage_option()
            yield from client.events(plain.path, plain.body, plain.timeout)

    async def _aevents(self, request: ChatRequest) -> AsyncGenerator[JSONObject]:
        client = self._connected()
        try:
            async with aclosing(
                client.aevents(request.path, request.body, request.timeout)
            ) as events:
                async for event in events:
                    yield event
            return
        except BadRequestError as error:
            if not self._may_ask_without_usage(request, error):
                raise
        plain = request.without_usage_option()
        async with aclosing(client.aevents(plain.path, plain.body, plain.timeout)) as events:
            async for event in events:
                yield event

    def _may_ask_without_usage(self, request: ChatRequest, error: BadRequestError) -> bool:
        """Remember that an endpoint refuses `stream_options`, if that is the matter."""
        if not (request.asked_usage and refuses_usage_option(error)):
            return False
        self._without_usage_option.add(request.body["model"])
        return True

    @override
    def bind_tools(
        self,
        tools: Sequence[Tool],
        *,
        tool_choice: ToolChoice | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Let the model call tools.

        Args:
            tools: Functions, classes, LangChain tools or dicts.
            tool_choice: ``auto``, ``none``, ``required`` or ``any``, a tool's name, True for
                ``required``, or a dict in OpenAI's or Anthropic's form.
            strict: Whether arguments must follow the schema exactly.
            parallel_tool_calls: Whether the model may call several tools at once.
            **kwargs: Bound as they are.

        Raises:
            ValueError: `tool_choice` names no tool, or has no known form.

        Example:
            .. code-block:: python

                chat_model.bind_tools([get_weather], tool_choice="auto").invoke("Weather?")
        """
        from langchain_lakeserve._tools import choice_to_wire, tools_to_wire

        wire = tools_to_wire(tools, strict)
        if tool_choice is not None and (choice := choice_to_wire(tool_choice, wire)) is not None:
            kwargs["tool_choice"] = choice
        if parallel_tool_calls is not None:
            kwargs["parallel_tool_calls"] = parallel_tool_calls
        return self.bind(tools=wire, **kwargs)

    @override
    def with_structured_output(
        self,
        schema: Schema | None = None,
        *,
        method: Literal["function_calling", "json_mode", "json_schema"] = "function_calling",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable that answers with values of a schema.

        Args:
            schema: A pydantic class, a TypedDict class, a JSON schema or a function's
                description. It may be left out with ``json_mode``.
            method: ``function_calling`` makes the schema the only tool; ``json_schema`` has
                the endpoint follow the schema; ``json_mode`` asks for any JSON, so the prompt
                has to say which.
            include_raw: Return a dict with ``raw``, ``parsed`` and ``parsing_error``.
            strict: Whether the reply must follow the schema exactly; by default as the
                endpoint does, and for ``json_schema`` True.
            **kwargs: Bound to each call.

        Raises:
            ValueError: The method is unknown, or needs a schema.

        Example:
            .. code-block:: python

                class City(BaseModel):
                    name: str
                    inhabitants: int


                chat_model.with_structured_output(City).invoke("Tell me about Paris.")
        """
        from langchain_lakeserve._structured import plan, with_raw

        chosen = plan(schema, method, strict)
        kwargs["ls_structured_output_format"] = chosen.traced()
        if chosen.method == "function_calling":
            model = self.bind_tools(
                [chosen.schema or {}], tool_choice=chosen.tool_name, strict=strict, **kwargs
            )
        else:
            model = self.bind(response_format=chosen.response_format(), **kwargs)
        return with_raw(model, chosen.parser) if include_raw else model | chosen.parser

    # --- what LangChain asks about the model ------------------------------------------------

    @property
    @override
    def _llm_type(self) -> str:
        return "chat-databricks"

    @property
    @override
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, **self._settings(), "host": self.host}

    @override
    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = "databricks"
        return params

    def _settings(self) -> JSONObject:
        """Return the body that the constructor prescribes."""
        body: JSONObject = dict(self.extra_params)
        for name in _BODY_FIELDS:
            value = getattr(self, name)
            if value is not None:
                body[name] = value
        if self.n != 1:
            body["n"] = self.n
        if self.stop:
            body["stop"] = self.stop
        return body

    def _request(
        self,
        messages: Sequence[BaseMessage],
        stop: Sequence[str] | None,
        call: Mapping[str, Any],
        *,
        stream: bool = False,
    ) -> ChatRequest:
        settings = {"model": self.model, **self._settings()}
        if stop is not None:
            call = {**call, "stop": stop}
        if self.use_responses_api:
            return response_request(
                messages,
                settings,
                call,
                base=self._base(),
                stream=stream,
                stream_usage=self.stream_usage,
                replay=self.replay_reasoning,
            )
        return chat_request(
            messages,
            settings,
            call,
            base=self._base(),
            stream=stream,
            stream_usage=self.stream_usage,
            replay=self.replay_reasoning,
            refused_usage=self._without_usage_option,
        )

    def _base(self) -> str:
        if self.use_ai_gateway:
            return "/ai-gateway/mlflow/v1"
        if self.use_ai_gateway_native_api:
            return "/ai-gateway/openai/v1"
        return "/serving-endpoints"


def _result(request: ChatRequest, reply: JSONValue) -> ChatResult:
    if request.is_response:
        return response_result(reply, request.stop)
    return chat_result(reply)


def _reader(request: ChatRequest) -> ChatStreamReader | ResponseStreamReader:
    if request.is_response:
        return ResponseStreamReader(report_usage=request.report_usage, stop=request.stop)
    return ChatStreamReader(report_usage=request.report_usage)


def _keep_signature(hook: Callable[..., object]) -> None:
    # LangChain asks for the signatures of these two at every call. Working one out anew takes
    # as long as building the request.
    hook.__signature__ = inspect.signature(hook)  # type: ignore[attr-defined]


_keep_signature(ChatDatabricks._generate)
_keep_signature(ChatDatabricks._agenerate)
