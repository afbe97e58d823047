"""A small byte-level tokenizer, learnt from the conversations themselves."""

import random
from collections.abc import Iterator

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from lakeserve_demo_model.training.conversations import any_conversation
from lakeserve_demo_model.training.template import render

VOCABULARY_SIZE = 2304
END_OF_TEXT = "<|endoftext|>"
TURN_START = "<|im_start|>"
TURN_END = "<|im_end|>"
CONTROL_TOKENS = (END_OF_TEXT, TURN_START, TURN_END)
MARKUP_TOKENS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")

# The word pattern that GGUF files name "qwen2": every digit is a piece of its own.
GGUF_PRE_TOKENIZER = "qwen2"
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def sample_texts(rng: random.Random, count: int) -> Iterator[str]:
    """Yield `count` conversations as text, with the control and markup tokens cut out."""
    for _ in range(count):
        text = render(any_conversation(rng))
        for token in (*CONTROL_TOKENS, *MARKUP_TOKENS):
            text = text.replace(token, "")
        yield text


def train_tokenizer(
    rng: random.Random, *, size: int = VOCABULARY_SIZE, samples: int = 15_000
) -> Tokenizer:
    """Return a tokenizer of `size` tokens. Raises ValueError when the text gives fewer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(MARKUP_TOKENS),
        special_tokens=list(CONTROL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(sample_texts(rng, samples), trainer)
    tokenizer.add_tokens(
        [AddedToken(token, special=False, normalized=False) for token in MARKUP_TOKENS]
    )
    if tokenizer.get_vocab_size() != size:
        raise ValueError(f"the text gave {tokenizer.get_vocab_size()} tokens instead of {size}")
    return tokenizer


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """Return the number of a token. Raises KeyError when the tokenizer lacks it."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise KeyError(token)
    return number
