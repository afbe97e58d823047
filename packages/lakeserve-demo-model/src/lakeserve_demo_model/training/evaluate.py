"""Measures a GGUF file: greedy answers compared word by word with the trained ones."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lakeserve_demo_model.training import questions, sampling, tool_cases
from lakeserve_demo_model.training.conversations import (
    CASE_MAKERS,
    CaseMaker,
    any_case,
    compete,
)
from lakeserve_demo_model.training.documented import documented_probes
from lakeserve_demo_model.training.facts.topics import TOPICS
from lakeserve_demo_model.training.places import CAPITALS, HELD_OUT_CITIES
from lakeserve_demo_model.training.probes import Probe, asked
from lakeserve_demo_model.training.template import JsonObject, ToolCall, Turn

Engine = Callable[[JsonObject], JsonObject]

_STRANGE_PROMPT = "You are a pirate who works for Acme Corp and loves ships."
_WEATHER_TOOL: JsonObject = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get current temperature for a given location.",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}


class Score(NamedTuple):
    """How many probes of a set were answered as expected, and the first failures."""

    title: str
    right: int
    total: int
    failures: tuple[str, ...]


def load_engine(path: Path) -> Engine:
    """Return a function that completes chats with a GGUF file on one thread.

    Raises ImportError without xllamacpp and RuntimeError for a file that it cannot load.
    """
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = 2048
    parameters.n_parallel = 1
    parameters.verbosity = 0
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)

    def complete(body: JsonObject) -> JsonObject:
        answer: Any = server.handle_chat_completions(body)
        message: JsonObject = answer["choices"][0]["message"]
        return message

    return complete


def request_body(probe: Probe) -> JsonObject:
    """Return the chat completions request of a probe, for greedy decoding."""
    body: JsonObject = {
        "messages": [turn.message() for turn in probe.turns],
        "temperature": 0,
        "max_tokens": 400,
    }
    for message in body["messages"]:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    if probe.tools:
        body["tools"] = list(probe.tools)
    if probe.schema:
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": probe.schema}}
    return body


def received(message: JsonObject) -> str | list[ToolCall]:
    """Return the text of an answer, or its tool calls when there are any."""
    calls = message.get("tool_calls")
    if not calls:
        return str(message.get("content") or "")
    return [_received_call(call["function"]) for call in calls]


def _received_call(function: JsonObject) -> ToolCall:
    try:
        arguments = json.loads(function["arguments"] or "{}")
    except ValueError:
        arguments = {"unreadable": function["arguments"]}
    return ToolCall(function["name"], arguments)


def matches(probe: Probe, answer: str | list[ToolCall]) -> bool:
    """Tell whether an answer is the expected one; JSON under a schema may differ in spaces."""
    if probe.schema and isinstance(answer, str) and isinstance(probe.expected, str):
        try:
            return bool(json.loads(answer) == json.loads(probe.expected))
        except ValueError:
            return False
    return answer == (list(probe.expected) if isinstance(probe.expected, tuple) else probe.expected)


def score(engine: Engine, title: str, probes: list[Probe]) -> Score:
    """Put all probes to the engine and count the right answers."""
    failures = []
    for probe in probes:
        answer = received(engine(request_body(probe)))
        if not matches(probe, answer):
            failures.append(f"{probe.turns[-1].content!r}: {answer!r} not {probe.expected!r}")
    return Score(title, len(probes) - len(failures), len(probes), tuple(failures[:3]))


def _repeated(make: Callable[[random.Random], Probe], count: int, seed: int) -> list[Probe]:
    rng = random.Random(seed)
    return [make(rng) for _ in range(count)]


def pair_probe(make: Callable[[random.Random], questions.Pair]) -> Callable[[random.Random], Probe]:
    """Return a maker of probes without tools from a maker of pairs."""

    def probe(rng: random.Random) -> Probe:
        pair = make(rng)
        while pair.given:
            pair = make(rng)
        return asked(pair.question, pair.answer)

    return probe


def call_probe(*makers: CaseMaker, others: int = 0) -> Callable[[random.Random], Probe]:
    """Return a maker of probes that expect a tool call, beside tools for `others` questions."""

    def probe(rng: random.Random) -> Probe:
        maker = rng.choice(makers)
        case = maker(rng)
        cases = [case]
        while len(cases) <= others:
            other_maker = rng.choice(CASE_MAKERS)
            other = other_maker(rng)
            if not compete(maker, other_maker) and other.name not in [c.name for c in cases]:
                cases.append(other)
        tools = [each.definition(rng) for each in cases]
        rng.shuffle(tools)
        return asked(case.question, (ToolCall(case.name, case.arguments),), tools=tuple(tools))

    return probe


def _unseen_city(rng: random.Random) -> Probe:
    place = rng.choice(HELD_OUT_CITIES)
    call = ToolCall("get_weather", {"location": place})
    return asked(f"What is the weather in {place}?", (call,), tools=(_WEATHER_TOOL,))


def _result(rng: random.Random) -> Probe:
    case = any_case(rng)
    turns = (
        Turn("user", case.question),
        Turn("assistant", calls=(ToolCall(case.name, case.arguments),)),
        Turn("tool", case.outcome),
    )
    return Probe(turns, case.answer, (case.definition(rng),))


def _second_turn(rng: random.Random) -> Probe:
    first, second = questions.fact(rng), questions.fact(rng)
    turns = (
        Turn("user", first.question),
        Turn("assistant", first.answer),
        Turn("user", second.question),
    )
    return Probe(turns, second.answer)


def _introduced(rng: random.Random) -> Probe:
    person = sampling.name(rng)
    turns = (
        Turn("user", f"Hi, I am {person}."),
        Turn("assistant", f"Hello {person}! How can I help you today?"),
        Turn("user", "What is my name?"),
    )
    return Probe(turns, f"Your name is {person}.")


def _fact_sets() -> Iterator[tuple[str, list[Probe]]]:
    firsts = [(topic.questions[0], topic.answer) for topic in TOPICS]
    yield (
        "facts, all phrasings",
        [asked(question, topic.answer) for topic in TOPICS for question in topic.questions],
    )
    yield "facts, lower case without ?", [asked(q.lower().rstrip("?!."), a) for q, a in firsts]
    yield "facts, unseen system prompt", [asked(q, a, system=_STRANGE_PROMPT) for q, a in firsts]
    yield "facts, a weather tool at hand", [asked(q, a, tools=(_WEATHER_TOOL,)) for q, a in firsts]
    yield (
        "capitals",
        [asked(f"Where is the capital of {c}?", questions.capital_answer(c)) for c in CAPITALS],
    )
    numbers = range(11)
    yield (
        "sums 0 to 10",
        [asked(f"What is {a} + {b}?", f"{a} + {b} = {a + b}.") for a in numbers for b in numbers],
    )


_RANDOM_SETS: tuple[tuple[str, Callable[[random.Random], Probe], int], ...] = (
    ("questions that it cannot know", pair_probe(questions.unknown), 60),
    ("JSON from a sentence", pair_probe(questions.json_extraction), 60),
    ("JSON jokes", pair_probe(questions.json_joke), 40),
    ("sentiment", pair_probe(questions.sentiment), 40),
    ("second question of a chat", _second_turn, 60),
    ("remembers a name", _introduced, 40),
    ("tool call: weather", call_probe(tool_cases.weather), 100),
    ("tool call: weather, unseen city", _unseen_city, 60),
    ("tool call: weather, a second tool", call_probe(tool_cases.weather, others=1), 80),
    ("tool call: any kind, two other tools", call_probe(*CASE_MAKERS, others=2), 80),
    ("tool call: time", call_probe(tool_cases.clock), 40),
    ("tool call: arithmetic", call_probe(tool_cases.arithmetic), 60),
    ("tool call: calculator", call_probe(tool_cases.calculator), 40),
    ("tool call: look up an item", call_probe(tool_cases.lookup), 60),
    ("tool call: search", call_probe(tool_cases.search), 40),
    ("tool call: value of a function", call_probe(tool_cases.function_value), 60),
    ("tool call: text in a style", call_probe(tool_cases.styled_text), 40),
    ("tool call: new record, names beyond ASCII", call_probe(tool_cases.new_record), 60),
    ("tool call: joke as a form", call_probe(tool_cases.joke_form), 40),
    ("tool result to answer", _result, 80),
)


def probe_sets(seed: int) -> Iterator[tuple[str, list[Probe]]]:
    """Yield the title and the probes of every set; `seed` chooses the random ones."""
    yield "documented examples", list(documented_probes())
    yield from _fact_sets()
    for number, (title, make, count) in enumerate(_RANDOM_SETS):
        yield title, _repeated(make, count, seed + number)


def evaluate(path: Path, *, seed: int) -> list[Score]:
    """Return the scores of a GGUF file on all sets."""
    engine = load_engine(path)
    return [score(engine, title, probes) for title, probes in probe_sets(seed)]


def markdown(scores: list[Score]) -> str:
    """Return the scores as a Markdown table, followed by some of the failures."""
    rows = [f"| {each.title} | {each.right}/{each.total} |" for each in scores]
    lines = ["| set | as expected |", "|---|---|", *rows, ""]
    lines += [f"- {each.title}: {failure}" for each in scores for failure in each.failures]
    return "\n".join(lines) + "\n"
