"""Questions that documentation and client test suites ask word by word."""

import json
from collections.abc import Iterator

from lakeserve_demo_model.training.jokes import joke_about
from lakeserve_demo_model.training.probes import Probe, asked
from lakeserve_demo_model.training.questions import answer_to, capital_answer
from lakeserve_demo_model.training.template import JsonObject, ToolCall, Turn

_CHATBOT = "You are a chatbot that can answer questions about Databricks."
_QUESTIONS = (
    "What is MLflow?",
    "What is Databricks Model Serving?",
    "What is Unity Catalog?",
    "How are you?",
    "How to use Databricks?",
    "hello",
    "Hello",
    "Who are you?",
    "What is model serving?",
    "What is LangChain?",
    "What is a mixture of experts model?",
)
_SYSTEM_PROMPTS = ("", _CHATBOT, "You are a helpful assistant.")
_COUNTRIES = ("Japan", "Italy", "Australia")


def tool(
    name: str, description: str, required: tuple[str, ...], properties: JsonObject
) -> JsonObject:
    """Return the definition of a function tool with the given argument schemas."""
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


_STRING: JsonObject = {"type": "string"}
_INTEGER: JsonObject = {"type": "integer"}
_TEMPERATURE_TOOL = tool(
    "get_current_weather",
    "Get the current weather in a given location",
    ("location",),
    {
        "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
)
_WEATHER_TOOL = tool(
    "get_weather", "Get the weather at a location.", ("location",), {"location": _STRING}
)
_MAGIC_TOOL = tool(
    "magic_function",
    "Apply a magic function to an input.",
    ("input",),
    {"input": {"exclusiveMaximum": 1000, "exclusiveMinimum": -1000, "type": "integer"}},
)
_NO_ARGUMENTS_TOOL = tool("magic_function_no_args", "Calculate a magic function.", (), {})
_GREETING_TOOL = tool(
    "greeting_generator",
    "Generate a greeting in a particular style of speaking.",
    ("answer_style",),
    {"answer_style": _STRING},
)
_ADDER_TOOL = tool(
    "my_adder_tool",
    "Tool that adds two integers.\n\nTakes two integers, a and b, and returns their sum.",
    ("a", "b"),
    {"a": _INTEGER, "b": _INTEGER},
)
_CUSTOMER_TOOL = tool(
    "unicode_customer",
    "Tool for creating a customer with Unicode name.",
    ("customer_name", "description"),
    {"customer_name": _STRING, "description": _STRING},
)
_JOKE_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"setup": _STRING, "punchline": _STRING},
    "required": ["setup", "punchline"],
    "additionalProperties": False,
}
_JOKE_TOOL = tool(
    "Joke",
    "Joke to tell user.",
    ("setup", "punchline"),
    {
        "setup": {"description": "question to set up a joke", "type": "string"},
        "punchline": {"description": "answer to resolve the joke", "type": "string"},
    },
)


def _plain_probes() -> Iterator[Probe]:
    for question in _QUESTIONS:
        for system in _SYSTEM_PROMPTS:
            yield asked(question, answer_to(question), system=system)
        yield asked(f"{question}\n    Be Concise.\n    ", answer_to(question))
    for country in _COUNTRIES:
        for system in _SYSTEM_PROMPTS:
            answer = capital_answer(country)
            yield asked(f"Where is the capital of {country}?", answer, system=system)


def _call_probes() -> Iterator[Probe]:
    calls: tuple[tuple[str, JsonObject, JsonObject], ...] = (
        ("What is the current temperature of Chicago?", _TEMPERATURE_TOOL, {"location": "Chicago"}),
        (
            "What is the weather in San Francisco, CA?",
            _WEATHER_TOOL,
            {"location": "San Francisco, CA"},
        ),
        ("What is the value of magic_function(3)? Use the tool.", _MAGIC_TOOL, {"input": 3}),
        ("What is the value of magic_function_no_args()? Use the tool.", _NO_ARGUMENTS_TOOL, {}),
        (
            "Using the tool, generate a Pirate greeting.",
            _GREETING_TOOL,
            {"answer_style": "Pirate"},
        ),
        ("What is 1 + 2", _ADDER_TOOL, {"a": 1, "b": 2}),
        (
            "Create a customer named '你好啊集团' (Hello Group) - a Chinese technology company",
            _CUSTOMER_TOOL,
            {"customer_name": "你好啊集团", "description": "Chinese technology company"},
        ),
        (
            "Create a customer named 'こんにちは株式会社' (Hello Corporation) - a Japanese company",
            _CUSTOMER_TOOL,
            {"customer_name": "こんにちは株式会社", "description": "Japanese company"},
        ),
        ("Tell me a joke about cats.", _JOKE_TOOL, joke_about("cats")._asdict()),
    )
    for question, definition, arguments in calls:
        name = definition["function"]["name"]
        yield asked(question, (ToolCall(name, arguments),), tools=(definition,))


def _history_probes() -> Iterator[Probe]:
    added = (
        Turn("user", "What is 1 + 2"),
        Turn("assistant", calls=(ToolCall("my_adder_tool", {"a": 1, "b": 2}),)),
        Turn("tool", '{"result": 3}'),
    )
    yield Probe(added, "The result is 3.", (_ADDER_TOOL,))
    again = (*added, Turn("assistant", '{"result": 3}'), Turn("user", "What is 3 + 4"))
    yield Probe(again, (ToolCall("my_adder_tool", {"a": 3, "b": 4}),), (_ADDER_TOOL,))
    failed = (
        Turn("user", "What is 1 + 2"),
        Turn("assistant", calls=(ToolCall("my_adder_tool", {"a": 1}),)),
        Turn("tool", "Error: Missing required argument 'b'."),
    )
    answer = "The tool returned an error: Missing required argument 'b'."
    yield Probe(failed, answer, (_ADDER_TOOL,))
    sunny = (
        Turn("user", "What is the weather in San Francisco, CA?"),
        Turn("assistant", calls=(ToolCall("get_weather", {"location": "San Francisco, CA"}),)),
        Turn("tool", "It's sunny."),
    )
    yield Probe(sunny, "The weather in San Francisco, CA is sunny.", (_WEATHER_TOOL,))
    greeted = (Turn("user", "hello"), Turn("assistant", "hello"), Turn("user", "how are you"))
    yield Probe(greeted, answer_to("How are you?"))
    doubled = [Turn("system", "hello"), Turn("user", "hello"), Turn("assistant", "hello")]
    twice = tuple(turn for turn in doubled for _ in range(2))
    yield Probe((*twice, Turn("user", "how are you")), answer_to("How are you?"))


def _form_probes() -> Iterator[Probe]:
    joke = joke_about("cats")._asdict()
    yield asked("Tell me a joke about cats.", json.dumps(joke), schema=_JOKE_SCHEMA)
    wish = "Return the result as a JSON with 'setup' and 'punchline' keys. "
    question = f"Tell me a joke about cats. {wish}Return nothing other than JSON."
    yield asked(question, json.dumps(joke))
    call = {"name": {"const": "Joke"}, "arguments": _JOKE_SCHEMA}
    forced = {"type": "object", "properties": call, "required": ["name", "arguments"]}
    expected = json.dumps({"name": "Joke", "arguments": joke})
    yield asked("Tell me a joke about cats.", expected, tools=(_JOKE_TOOL,), schema=forced)


def documented_probes() -> Iterator[Probe]:
    """Yield the questions of examples and client test suites with their right answers."""
    yield from _plain_probes()
    yield from _call_probes()
    yield from _history_probes()
    yield from _form_probes()
