"""Conversations as rows of tokens, with a mask over what the model has to learn."""

import random
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from lakeserve_demo_model.training.conversations import any_conversation
from lakeserve_demo_model.training.template import Conversation, Turn, render
from lakeserve_demo_model.training.tokenizer import END_OF_TEXT, TURN_START, token_id

_ASSISTANT = "assistant\n"
_POOL_SIZE = 64


@dataclass(frozen=True)
class Example:
    """Token ids of a conversation; `learn` is true for the tokens that count for the loss."""

    ids: list[int]
    learn: list[bool]


@dataclass(frozen=True)
class Batch:
    """Packed examples, all tensors of shape (rows, length).

    `ids` are the tokens, `positions` count from zero in every example, `examples` number the
    example of each token within its row (-1 for padding), `learn` is the loss mask.
    """

    ids: Tensor
    positions: Tensor
    examples: Tensor
    learn: Tensor


def _answer_pieces(turn: Turn, body: str) -> list[tuple[str, bool]]:
    """Split the body of an assistant block into pieces of text and whether they are learnt."""
    body, closing = body.removesuffix("\n"), "\n"
    if not turn.learn:
        return [(body, False), (closing, False)]
    given = turn.given
    if not body.startswith(given):
        raise ValueError(f"the answer does not begin with {given!r}")
    return [(given, False), (body[len(given) :], True), (closing, False)]


def encode(tokenizer: Tokenizer, conversation: Conversation) -> Example:
    """Return the tokens of a conversation. Only the answers of the model are learnt."""
    answers = iter([turn for turn in conversation.turns if turn.role == "assistant"])
    ids: list[int] = []
    learn: list[bool] = []
    for block in render(conversation).split(TURN_START)[1:]:
        pieces = [(TURN_START + block, False)]
        if block.startswith(_ASSISTANT):
            body = block.removeprefix(_ASSISTANT)
            pieces = [(TURN_START + _ASSISTANT, False), *_answer_pieces(next(answers), body)]
        for text, learnt in pieces:
            tokens = tokenizer.encode(text).ids
            ids += tokens
            learn += [learnt] * len(tokens)
    return Example(ids, learn)


class Packer:
    """Fills rows of fixed length with whole conversations, drawn by chance."""

    def __init__(self, tokenizer: Tokenizer, rng: random.Random, rows: int, length: int) -> None:
        self._tokenizer = tokenizer
        self._rng = rng
        self._rows = rows
        self._length = length
        self._padding = token_id(tokenizer, END_OF_TEXT)
        self._pool: list[Example] = []

    def next_batch(self) -> Batch:
        """Return the next batch of `rows` times `length` tokens."""
        shape = (self._rows, self._length)
        batch = Batch(
            torch.full(shape, self._padding),
            torch.zeros(shape, dtype=torch.long),
            torch.full(shape, -1),
            torch.zeros(shape, dtype=torch.bool),
        )
        for row in range(self._rows):
            self._fill(batch, row)
        return batch

    def _fill(self, batch: Batch, row: int) -> None:
        start = number = 0
        while (example := self._take(self._length - start)) is not None:
            place = slice(start, start + len(example.ids))
            batch.ids[row, place] = torch.tensor(example.ids)
            batch.positions[row, place] = torch.arange(len(example.ids))
            batch.examples[row, place] = number
            batch.learn[row, place] = torch.tensor(example.learn)
            start, number = place.stop, number + 1

    def _take(self, room: int) -> Example | None:
        """Return the first waiting example that fits into `room` tokens, or None."""
        while len(self._pool) < _POOL_SIZE:
            example = encode(self._tokenizer, any_conversation(self._rng))
            if len(example.ids) <= self._length:
                self._pool.append(example)
        for index, example in enumerate(self._pool):
            if len(example.ids) <= room:
                return self._pool.pop(index)
        return None
