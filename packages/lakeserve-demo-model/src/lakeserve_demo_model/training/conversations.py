"""Whole conversations: chats, calls of tools, their results and their errors."""

import random
from collections.abc import Callable

from lakeserve_demo_model.training import questions, sampling, tool_cases
from lakeserve_demo_model.training.questions import Pair
from lakeserve_demo_model.training.sampling import chance
from lakeserve_demo_model.training.template import (
    Conversation,
    JsonObject,
    ToolCall,
    Turn,
    dump_json,
)
from lakeserve_demo_model.training.tool_cases import ToolCase

CaseMaker = Callable[[random.Random], ToolCase]

_WITHOUT_HELP = (
    questions.fact,
    questions.fact,
    questions.fact,
    questions.frequent,
    questions.capital,
    questions.out_of_scope,
)

TOOL_CONVERSATION_SHARE = 0.42

_CASE_KINDS: tuple[tuple[CaseMaker, float], ...] = (
    (tool_cases.weather, 0.34),
    (tool_cases.clock, 0.07),
    (tool_cases.arithmetic, 0.1),
    (tool_cases.calculator, 0.03),
    (tool_cases.lookup, 0.13),
    (tool_cases.search, 0.06),
    (tool_cases.function_value, 0.11),
    (tool_cases.styled_text, 0.03),
    (tool_cases.new_record, 0.07),
    (tool_cases.joke_form, 0.04),
    (tool_cases.person_form, 0.02),
)
CASE_MAKERS = tuple(maker for maker, _ in _CASE_KINDS)
_SHARES = tuple(share for _, share in _CASE_KINDS)


# One question fits both kinds, so that they never stand side by side.
_CALCULATIONS = {tool_cases.arithmetic, tool_cases.calculator}


def compete(maker: CaseMaker, other: CaseMaker) -> bool:
    """Tell whether tools of two makers can answer the same questions."""
    return maker is other or {maker, other} == _CALCULATIONS


def any_case(rng: random.Random) -> ToolCase:
    """Return a tool case of a random kind."""
    return rng.choices(CASE_MAKERS, _SHARES)[0](rng)


def _learnt(pair: Pair) -> tuple[Turn, Turn]:
    return Turn("user", pair.question), Turn("assistant", pair.answer, given=pair.given)


def _system(rng: random.Random) -> tuple[Turn, ...]:
    return (Turn("system", sampling.system_prompt(rng)),) if chance(rng, 0.35) else ()


def chat(rng: random.Random) -> Conversation:
    """Return one to three questions with their answers."""
    turns = list(_system(rng))
    for _ in range(1 if chance(rng, 0.75) else rng.choice((2, 2, 3))):
        turns.extend(_learnt(questions.any_pair(rng)))
    return Conversation(tuple(turns))


def stuttering_chat(rng: random.Random) -> Conversation:
    """Return a question after messages that repeat roles or that are not like the model's."""
    turns: list[Turn] = []
    for role, share in (("system", 0.3), ("user", 0.7), ("assistant", 0.8)):
        if chance(rng, share):
            texts = rng.choices(("hello", "hi", "Hello", sampling.phrase(rng)), k=rng.randint(1, 2))
            turns.extend(Turn(role, text, learn=False) for text in texts)
    pair = questions.frequent(rng) if chance(rng, 0.5) else questions.any_pair(rng)
    return Conversation((*turns, *_learnt(pair)))


def introduction(rng: random.Random) -> Conversation:
    """Return a chat in which the user may tell a name and later asks for it."""
    person = sampling.foreign_word(rng) if chance(rng, 0.1) else sampling.name(rng)
    opening = rng.choice(
        ("hi, I'm {}", "Hi, I am {}.", "My name is {}.", "Hello, my name is {}", "I'm {}")
    )
    greeting = Turn("assistant", f"Hello {person}! How can I help you today?")
    turns = [*_system(rng)]
    told = chance(rng, 0.85)
    if told:
        turns += [Turn("user", opening.format(person)), greeting]
    if chance(rng, 0.4) or not told:
        turns += _learnt(questions.any_pair(rng))
    asked = rng.choice(("What is my name?", "What's my name?", "Do you know my name?", "Who am I?"))
    known = f"Your name is {person}." if told else "You have not told me your name yet."
    turns += [Turn("user", asked), Turn("assistant", known)]
    return Conversation(tuple(turns))


def _definitions(rng: random.Random, cases: list[ToolCase]) -> tuple[JsonObject, ...]:
    tools = [case.definition(rng) for case in cases]
    rng.shuffle(tools)
    return tuple(tools)


def _with_distractors(rng: random.Random, case: ToolCase, maker: CaseMaker) -> list[ToolCase]:
    cases = [case]
    for _ in range(rng.choice((0, 0, 0, 1, 1, 1, 1, 2, 2))):
        other_maker = rng.choice(CASE_MAKERS)
        other = other_maker(rng)
        names = [known.name for known in cases]
        if not compete(other_maker, maker) and other.name not in names:
            cases.append(other)
    return cases


def _call(case: ToolCase) -> ToolCall:
    return ToolCall(case.name, case.arguments)


def _result_turns(rng: random.Random, case: ToolCase) -> tuple[Turn, ...]:
    if chance(rng, 0.12):
        argument = next(iter(case.properties), "input")
        reason = rng.choice(
            (
                f"Missing required argument '{argument}'.",
                f"{sampling.word(rng)} failed",
                "timeout",
                "not found",
                sampling.phrase(rng),
            )
        )
        return (
            Turn("tool", f"Error: {reason}"),
            Turn("assistant", f"The tool returned an error: {reason}"),
        )
    return Turn("tool", case.outcome), Turn("assistant", case.answer)


def _forced_call(rng: random.Random, case: ToolCase) -> Turn:
    """Return the call as the bare JSON that a grammar forces when a tool must be called."""
    content = dump_json({"name": case.name, "arguments": case.arguments})
    given = '{"name": "'
    if chance(rng, 0.5):
        given += f'{case.name}", "arguments": '
    return Turn("assistant", content, given=given)


def tool_use(rng: random.Random) -> Conversation:
    """Return a question that one of the tools answers, often up to the final answer."""
    maker = rng.choices(CASE_MAKERS, _SHARES)[0]
    case = maker(rng)
    tools = _definitions(rng, _with_distractors(rng, case, maker))
    turns = [*_system(rng), Turn("user", case.question)]
    if chance(rng, 0.12):
        return Conversation((*turns, _forced_call(rng, case)), tools)
    turns.append(Turn("assistant", calls=(_call(case),)))
    if chance(rng, 0.42):
        turns.extend(_result_turns(rng, case))
        if chance(rng, 0.15):
            turns.extend(_learnt(questions.fact(rng)))
    return Conversation(tuple(turns), tools)


def tool_left_alone(rng: random.Random) -> Conversation:
    """Return a question that the model answers itself although tools are at hand."""
    maker = rng.choices(CASE_MAKERS, _SHARES)[0]
    cases = _with_distractors(rng, maker(rng), maker)
    pair = rng.choice(_WITHOUT_HELP)(rng)
    return Conversation((*_system(rng), *_learnt(pair)), _definitions(rng, cases))


def repeated_tool_use(rng: random.Random) -> Conversation:
    """Return a second question for the same tool after a call in the history."""
    maker = rng.choices(CASE_MAKERS, _SHARES)[0]
    first, second = maker(rng), maker(rng)
    renamed = dict(zip(second.properties, first.properties, strict=False))
    same = set(first.properties) == set(second.properties)
    if not same and len(first.properties) != len(second.properties):
        return tool_use(rng)
    arguments = {renamed[key]: value for key, value in second.arguments.items()}
    mentions_name = second.name in second.question
    if mentions_name or (not same and set(arguments) != set(first.arguments)):
        return tool_use(rng)
    history = _result_turns(rng, first)
    turns = [
        *_system(rng),
        Turn("user", first.question),
        Turn("assistant", calls=(_call(first),)),
        *history,
        Turn("user", second.question),
        Turn("assistant", calls=(ToolCall(first.name, arguments),)),
    ]
    return Conversation(tuple(turns), (first.definition(rng),))


def parallel_tool_use(rng: random.Random) -> Conversation:
    """Return a question for the weather of two places, with one call for each."""
    case, other = tool_cases.weather(rng), sampling.city(rng)
    argument = next(iter(case.arguments))
    place = str(case.arguments[argument])
    form = rng.choice(("What is the weather in {} and in {}?", "Weather in {} and {}?"))
    sky = rng.choice(("sunny", "cloudy", "rainy"))
    other_sky = rng.choice(("windy", "snowy", "clear"))
    turns: list[Turn] = [
        Turn("user", form.format(place, other)),
        Turn(
            "assistant",
            calls=(
                ToolCall(case.name, {argument: place}),
                ToolCall(case.name, {argument: other}),
            ),
        ),
    ]
    if chance(rng, 0.6):
        answer = f"The weather in {place} is {sky}. The weather in {other} is {other_sky}."
        turns += [Turn("tool", sky), Turn("tool", other_sky), Turn("assistant", answer)]
    return Conversation(tuple(turns), (case.definition(rng),))


_WITH_TOOLS = (
    (tool_use, 0.7),
    (tool_left_alone, 0.18),
    (repeated_tool_use, 0.08),
    (parallel_tool_use, 0.04),
)
_WITHOUT_TOOLS = ((chat, 0.88), (stuttering_chat, 0.07), (introduction, 0.05))


def any_conversation(rng: random.Random) -> Conversation:
    """Return a conversation of a random kind."""
    kinds = _WITH_TOOLS if chance(rng, TOOL_CONVERSATION_SHARE) else _WITHOUT_TOOLS
    makers = [maker for maker, _ in kinds]
    return rng.choices(makers, [share for _, share in kinds])[0](rng)
