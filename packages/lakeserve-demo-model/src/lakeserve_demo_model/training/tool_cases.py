"""Questions that a tool answers: definition of the tool, expected call, result and answer."""

import random
from dataclasses import dataclass, field

from lakeserve_demo_model.training import jokes, sampling
from lakeserve_demo_model.training.sampling import chance
from lakeserve_demo_model.training.template import JsonObject, dump_json
from lakeserve_demo_model.training.words import ADJECTIVES, NOUNS, STYLES, THINGS


@dataclass(frozen=True)
class ToolCase:
    """A tool, a question for it, the arguments of the right call, its result and the answer.

    `properties` maps argument names to their JSON schema; all that are not in `optional`
    are required. `outcome` is the content of the tool message.
    """

    name: str
    description: str
    properties: JsonObject
    question: str
    arguments: JsonObject
    outcome: str
    answer: str
    optional: tuple[str, ...] = field(default=())

    def definition(self, rng: random.Random) -> JsonObject:
        """Return the tool as a client would send it; details vary by chance."""
        schema: JsonObject = {"type": "object", "properties": self.properties}
        required = [name for name in self.properties if name not in self.optional]
        if required and chance(rng, 0.85):
            schema = {**schema, "required": required}
            if chance(rng, 0.3):
                schema = dict(sorted(schema.items()))
        if chance(rng, 0.1):
            schema["additionalProperties"] = False
        function: JsonObject = {"name": self.name}
        if self.description:
            function["description"] = self.description
        function["parameters"] = schema
        if chance(rng, 0.1):
            function["strict"] = True
        return {"type": "function", "function": function}


def _described(rng: random.Random, kind: str, texts: tuple[str, ...]) -> JsonObject:
    schema: JsonObject = {"type": kind}
    if chance(rng, 0.5):
        schema = {"description": rng.choice(texts), **schema}
        if chance(rng, 0.5):
            schema = dict(reversed(schema.items()))
    return schema


_WEATHER_QUESTIONS = (
    "What is the weather in {}?",
    "What is the weather in {}?",
    "What's the weather in {}?",
    "What is the weather like in {} today?",
    "What's the weather like in {}?",
    "How is the weather in {}?",
    "Weather in {}?",
    "Is it raining in {}?",
    "Tell me the weather in {}.",
    "What is the temperature in {}?",
    "What is the current temperature of {}?",
    "What is the current temperature in {}?",
    "How warm is it in {}?",
    "What's the weather like today in {}?",
    "I am in {}. What is the weather?",
    "weather in {}",
)
_WEATHER_TOOLS = (
    "get_weather",
    "get_weather",
    "get_current_weather",
    "get_current_weather",
    "weather",
    "get_weather_forecast",
    "fetch_weather",
    "current_weather",
    "weather_lookup",
    "get_temperature",
    "GetWeather",
)
_WEATHER_DESCRIPTIONS = (
    "Get the current weather",
    "Get the weather for a city",
    "Get the weather at a location.",
    "Get the current weather in a given location",
    "Get current temperature for a given location.",
    "Returns the weather",
    "Get weather",
)
_PLACE_DESCRIPTIONS = (
    "The city and state, e.g. San Francisco, CA",
    "City name",
    "The name of the city",
    "City and country e.g. Bogotá, Colombia",
    "The city",
)


def _weather_outcome(rng: random.Random, place: str) -> tuple[str, str]:
    degrees = rng.randint(-10, 40)
    sky = rng.choice(("sunny", "cloudy", "rainy", "windy", "snowy", "foggy", "clear"))
    kind = rng.random()
    both = f"The weather in {place} is {sky} with a temperature of {degrees} degrees."
    if kind < 0.35:
        heat = rng.choice(("temperature", "temp", "temperature_c"))
        look = rng.choice(("condition", "conditions", "weather", "description"))
        return dump_json({heat: degrees, look: sky}), both
    if kind < 0.5:
        heat = rng.choice(("temperature", "temp"))
        return dump_json({heat: degrees}), f"The temperature in {place} is {degrees} degrees."
    if kind < 0.6:
        bare = rng.choice((f"{degrees}", f"{degrees} degrees", f"{degrees}°C"))
        return bare, f"The temperature in {place} is {degrees} degrees."
    if kind < 0.8:
        forms = ("{d} degrees and {s}", "{s}, {d} degrees", "{d}°C, {s}", "{s} and {d}°C")
        return rng.choice(forms).format(d=degrees, s=sky), both
    plain = rng.choice((sky, sky.capitalize(), f"It's {sky}.", f"It is {sky}."))
    return plain, f"The weather in {place} is {sky}."


def weather(rng: random.Random) -> ToolCase:
    """Return a question for the weather of a place, sometimes in a given unit."""
    argument = rng.choice(
        ("location", "location", "location", "city", "city", "place", "town", "city_name")
    )
    place = sampling.city(rng)
    properties = {argument: _described(rng, "string", _PLACE_DESCRIPTIONS)}
    question, arguments = rng.choice(_WEATHER_QUESTIONS).format(place), {argument: place}
    optional: tuple[str, ...] = ()
    if chance(rng, 0.4):
        properties["unit"] = {"type": "string", "enum": ["celsius", "fahrenheit"]}
        optional = ("unit",)
        if chance(rng, 0.25):
            unit = rng.choice(("celsius", "fahrenheit"))
            question = f"{question.rstrip('?.')} in {unit}?"
            arguments["unit"] = unit
    outcome, answer = _weather_outcome(rng, place)
    return ToolCase(
        rng.choice(_WEATHER_TOOLS),
        rng.choice(_WEATHER_DESCRIPTIONS),
        properties,
        question,
        arguments,
        outcome,
        answer,
        optional,
    )


def clock(rng: random.Random) -> ToolCase:
    """Return a question for the local time of a place."""
    argument, place = rng.choice(("city", "location", "timezone", "place")), sampling.city(rng)
    form = rng.choice(
        (
            "What time is it in {}?",
            "Tell me the time in {}.",
            "What is the local time in {}?",
            "What is the current time in {}?",
        )
    )
    time = f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}"
    return ToolCase(
        rng.choice(("get_time", "get_current_time", "time_in_city", "current_time")),
        rng.choice(("Get the current time", "Get the time in a city", "Returns the local time")),
        {argument: {"type": "string"}},
        form.format(place),
        {argument: place},
        time if chance(rng, 0.5) else dump_json({"time": time}),
        f"It is {time} in {place}.",
    )


_OPERATIONS = (
    ("add", "Add", "plus", "+"),
    ("add", "Add", "plus", "+"),
    ("multiply", "Multiply", "times", "*"),
    ("subtract", "Subtract", "minus", "-"),
)
_ADDERS = ("my_adder_tool", "add", "add_numbers", "sum", "calculate_sum", "adder", "Add")


def arithmetic(rng: random.Random) -> ToolCase:
    """Return a calculation with two numbers for a tool with two arguments."""
    verb, title, spoken, sign = rng.choice(_OPERATIONS)
    x, y = rng.choice((("a", "b"), ("a", "b"), ("x", "y"), ("first", "second")))
    a, b = sampling.number(rng), abs(sampling.number(rng))
    result = {"+": a + b, "*": a * b, "-": a - b}[sign]
    forms = [
        "What is {a} {spoken} {b}?",
        "What is {a} {sign} {b}?",
        "What is {a} {sign} {b}",
        "What is {a}{sign}{b}?",
        "Use the tool to compute {a} {sign} {b}.",
    ]
    if verb != "subtract":
        forms.append("{title} {a} and {b}.")
    names = _ADDERS if verb == "add" else (verb, f"{verb}_numbers", f"my_{verb}_tool")
    schema = {"type": rng.choice(("integer", "integer", "number"))}
    return ToolCase(
        rng.choice(names),
        rng.choice((f"{title} two numbers", f"Tool to {verb} two integers.", f"{title} a and b.")),
        {x: schema, y: schema},
        rng.choice(forms).format(a=a, b=b, spoken=spoken, sign=sign, title=title),
        {x: a, y: b},
        str(result) if chance(rng, 0.5) else dump_json({"result": result}),
        f"The result is {result}.",
    )


def calculator(rng: random.Random) -> ToolCase:
    """Return a calculation that is passed on as an expression."""
    a, b, sign = sampling.number(rng), abs(sampling.number(rng)), rng.choice("+-*/")
    expression = f"{a} {sign} {b}"
    argument = rng.choice(("expression", "expression", "formula", "query"))
    result = rng.randint(-99, 9999)
    return ToolCase(
        rng.choice(("calculator", "calculate", "evaluate", "compute")),
        rng.choice(("Evaluate an expression", "A calculator for math", "Calculate a formula.")),
        {argument: {"type": "string"}},
        rng.choice(("What is {}?", "Calculate {}.", "Compute {}", "How much is {}?")).format(
            expression
        ),
        {argument: expression},
        str(result),
        f"The result is {result}.",
    )


def lookup(rng: random.Random) -> ToolCase:
    """Return a request that names one item, for a tool with a random name."""
    noun = rng.choice(NOUNS)
    verb = rng.choice(("get", "find", "lookup", "search", "fetch", "read", "delete", "open"))
    tool = rng.choice((f"{verb}_{noun}", f"{verb}_{noun}_{rng.choice(NOUNS)}"))
    argument, value = rng.choice((noun, f"{noun}_id", "id", "query", "name")), sampling.label(rng)
    form = rng.choice(
        (
            "{title} the {noun} {value}.",
            "Please {verb} the {noun} {value}",
            "Can you {verb} {noun} {value}?",
        )
    )
    outcome, answer = _plain_outcome(rng)
    return ToolCase(
        tool,
        rng.choice((f"{verb.capitalize()} a {noun}", "")),
        {argument: {"type": "string"}},
        form.format(title=verb.capitalize(), verb=verb, noun=noun, value=value),
        {argument: value},
        outcome,
        answer,
    )


def _plain_outcome(rng: random.Random) -> tuple[str, str]:
    if chance(rng, 0.25):
        sentence = rng.choice(("That's a", "This is a", "Here is a", "It is a")) + " "
        sentence += f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}{rng.choice('.!')}"
        return sentence, f"The tool says: {sentence}"
    value = rng.choice(("ok", "done", "not found", sampling.word(rng), str(sampling.number(rng))))
    return rng.choice((value, dump_json({"result": value}))), f"The result is {value}."


def search(rng: random.Random) -> ToolCase:
    """Return a request to search for something, or a question worth a search."""
    argument, subject = rng.choice(("query", "query", "q", "search_query")), sampling.phrase(rng)
    form, query = rng.choice(
        (
            ("Search for {}.", "{}"),
            ("Search the web for {}", "{}"),
            ("Please look up {}.", "{}"),
            ("Find information about {}.", "{}"),
            ("Use the search tool to find {}.", "{}"),
        )
    )
    if chance(rng, 0.25):
        subject = rng.choice(THINGS)
        form, query = rng.choice(
            (
                ("What is the history of {}?", "history of {}"),
                ("What is the price of {}?", "price of {}"),
                ("Who invented {}?", "who invented {}"),
            )
        )
    finding = sampling.phrase(rng)
    return ToolCase(
        rng.choice(
            ("search", "web_search", "search_web", "tavily_search", "search_docs", "lookup")
        ),
        rng.choice(("Search the web", "Search the internet for information.", "A search engine.")),
        {argument: _described(rng, "string", ("The search query", "What to search for"))},
        form.format(subject),
        {argument: query.format(subject)},
        finding,
        f"I found this: {finding}",
    )


def _function_name(rng: random.Random) -> str:
    if chance(rng, 0.2):
        return "magic_function"
    words = (rng.choice(ADJECTIVES), rng.choice((*NOUNS, sampling.word(rng))))
    return "_".join(words) + rng.choice(("_function", "_function", "", "_tool"))


def function_value(rng: random.Random) -> ToolCase:
    """Return a question for the value of a named function of one number or of nothing."""
    tool, value = _function_name(rng), sampling.number(rng)
    argument = rng.choice(("input", "input", "_input", "x", "n", "value", "number"))
    if chance(rng, 0.35):
        tool += rng.choice(("_no_args", "_no_args", ""))
        properties: JsonObject = {}
        arguments: JsonObject = {}
        shown, description = "", "Calculate a {} function."
    else:
        properties = {argument: {"type": "integer"}}
        if chance(rng, 0.4):
            properties[argument].update({"exclusiveMinimum": -1000, "exclusiveMaximum": 1000})
        arguments, shown = {argument: value}, str(value)
        description = "Apply a {} function to an input."
    form = rng.choice(
        (
            "What is the value of {}({})? Use the tool.",
            "What is the value of {}({})? Use the tool.",
            "What is {}({})?",
            "Call {}({}).",
            "Compute {}({}) with the tool.",
        )
    )
    result = sampling.number(rng)
    return ToolCase(
        tool,
        description.format(tool.split("_")[0]),
        properties,
        form.format(tool, shown),
        arguments,
        str(result) if chance(rng, 0.6) else dump_json({"result": result}),
        f"The value of {tool}({shown}) is {result}.",
    )


def styled_text(rng: random.Random) -> ToolCase:
    """Return a request for a text in a given style."""
    thing = rng.choice(("greeting", "greeting", "poem", "answer", "story", "message"))
    style = rng.choice(STYLES) if chance(rng, 0.7) else sampling.word(rng).capitalize()
    argument = rng.choice(("answer_style", "answer_style", "style", "tone"))
    form = rng.choice(
        (
            "Using the tool, generate a {} {}.",
            "Use the tool to write a {} {}.",
            "Generate a {} {} with the tool.",
        )
    )
    text = f"{rng.choice(('Ahoy', 'Hello', 'Good day', 'Howdy'))}, {sampling.word(rng)}!"
    return ToolCase(
        rng.choice((f"{thing}_generator", f"generate_{thing}")),
        f"Generate a {thing} in a particular style of speaking.",
        {argument: {"type": "string"}},
        form.format(style, thing),
        {argument: style},
        text,
        f"The tool says: {text}",
    )


def new_record(rng: random.Random) -> ToolCase:
    """Return a request to create a record with a name, often beyond ASCII, and a description."""
    noun = rng.choice(("customer", "customer", "user", "company", "account", "project"))
    title = sampling.foreign_word(rng) if chance(rng, 0.75) else sampling.name(rng)
    kind = rng.choice(("Chinese", "Japanese", "new", "small", "German", "large", "local"))
    about = f"{kind} {rng.choice(('technology ', 'software ', '', 'food '))}{rng.choice(NOUNS)}"
    quote = rng.choice(("'", "'", '"'))
    translated = f" ({sampling.name(rng)} {rng.choice(('Group', 'Corporation', 'Shop'))})"
    argument = rng.choice((f"{noun}_name", f"{noun}_name", "name"))
    question = f"Create a {noun} named {quote}{title}{quote}"
    properties: JsonObject = {
        argument: _described(rng, "string", (f"The {noun}'s name.", "The name", "Native name."))
    }
    arguments: JsonObject = {argument: title}
    if chance(rng, 0.65):
        question += (translated if chance(rng, 0.6) else "") + f" - a {about}"
        properties["description"] = {"type": "string"}
        arguments["description"] = about
    return ToolCase(
        rng.choice((f"unicode_{noun}", f"create_{noun}", f"new_{noun}", f"add_{noun}")),
        rng.choice((f"Tool for creating a {noun}.", f"Create a {noun}", "Create a new record.")),
        properties,
        question,
        arguments,
        f"Created {noun}: {title}",
        f"I created the {noun} {title}.",
    )


def joke_form(rng: random.Random) -> ToolCase:
    """Return a request for a joke, where the tool is only the form of the answer."""
    about = jokes.subject(rng)
    joke = jokes.joke_about(about)
    setup: JsonObject = {"description": "question to set up a joke", "type": "string"}
    punchline: JsonObject = {"description": "answer to resolve the joke", "type": "string"}
    if chance(rng, 0.5):
        setup, punchline = dict(reversed(setup.items())), dict(reversed(punchline.items()))
    return ToolCase(
        rng.choice(("Joke", "Joke", "Joke", "JokeDict", "joke", "tell_joke")),
        rng.choice(("Joke to tell user.", "Joke to tell user.", "A joke", "")),
        {"setup": setup, "punchline": punchline},
        jokes.request(rng, about),
        joke._asdict(),
        "ok",
        "I hope that you liked the joke.",
    )


def person_form(rng: random.Random) -> ToolCase:
    """Return a sentence about a person, where the tool is only the form of the facts."""
    person, age = sampling.name(rng), rng.randint(1, 99)
    form = rng.choice(
        (
            "{} is {} years old.",
            "Extract the person: {} is {} years old.",
            "My name is {} and I am {}.",
        )
    )
    return ToolCase(
        rng.choice(("Person", "Person", "User", "extract_person")),
        rng.choice(("Information about a person.", "A person", "")),
        {"name": {"type": "string"}, "age": {"type": "integer"}},
        form.format(person, age),
        {"name": person, "age": age},
        "ok",
        f"I noted that {person} is {age} years old.",
    )
