"""The chat template, compared with its exact output."""

from lakeserve_demo_model.training.template import Conversation, ToolCall, Turn, render

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
TOOLS_TEXT = (
    "# Tools\n\nThese functions are available:\n<tools>\n"
    '{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}\n'
    "</tools>\n\nTo call a function, write its name and arguments as JSON:\n"
    '<tool_call>\n{"name": <name>, "arguments": <object>}\n</tool_call><|im_end|>\n'
)


def test_plain_chat() -> None:
    turns = (Turn("system", "Be kind."), Turn("user", "hi"), Turn("assistant", "Hello!"))
    assert render(Conversation(turns)) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n"
        "<|im_start|>user\nhi<|im_end|>\n"
        "<|im_start|>assistant\nHello!<|im_end|>\n"
    )


def test_opening_of_an_answer() -> None:
    assert render(Conversation((Turn("user", "hi"),)), answer_next=True) == (
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_tools_stand_in_the_system_prompt() -> None:
    with_prompt = Conversation((Turn("system", "Be kind."), Turn("user", "hi")), (TOOL,))
    without = Conversation((Turn("user", "hi"),), (TOOL,))
    question = "<|im_start|>user\nhi<|im_end|>\n"
    assert render(without) == "<|im_start|>system\n" + TOOLS_TEXT + question
    assert render(with_prompt) == "<|im_start|>system\nBe kind.\n\n" + TOOLS_TEXT + question


def test_calls_and_results() -> None:
    calls = (ToolCall("add", {"a": 1, "b": "é"}), ToolCall("now", {}))
    turns = (
        Turn("user", "go"),
        Turn("assistant", calls=calls),
        Turn("tool", "3"),
        Turn("tool", "noon"),
        Turn("assistant", "done"),
    )
    assert render(Conversation(turns)) == (
        "<|im_start|>user\ngo<|im_end|>\n"
        "<|im_start|>assistant\n"
        '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": "é"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\n3\n</tool_response>\n"
        "<tool_response>\nnoon\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\ndone<|im_end|>\n"
    )


def test_later_system_messages_keep_their_role() -> None:
    turns = (Turn("system", "one"), Turn("system", "two"), Turn("user", "hi"))
    assert render(Conversation(turns)) == (
        "<|im_start|>system\none<|im_end|>\n"
        "<|im_start|>system\ntwo<|im_end|>\n"
        "<|im_start|>user\nhi<|im_end|>\n"
    )
