"""A Llama network: RMS norm, rotary positions, grouped query attention, gated feed forward.

Tensors are named in the comments of their shapes: B rows, T tokens, D hidden size, H heads,
K key-value heads, E size of one head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    vocabulary: int = 2304
    hidden: int = 256
    layers: int = 6
    heads: int = 8
    key_value_heads: int = 4
    feed_forward: int = 704
    context: int = 2048
    rope_base: float = 10_000.0
    norm_epsilon: float = 1e-5

    @property
    def head_size(self) -> int:
        """Length of the vector of one head."""
        return self.hidden // self.heads


def rotation(positions: Tensor, shape: Shape) -> Tensor:
    """Return cosines and sines for positions (B, T) as a tensor (2, B, 1, T, E / 2)."""
    steps = torch.arange(0, shape.head_size, 2, dtype=torch.float32) / shape.head_size
    angles = positions[..., None].float() * shape.rope_base**-steps
    return torch.stack((angles.cos(), angles.sin()))[:, :, None]


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """Rotate neighbouring pairs of each head vector (B, H, T, E), as GGUF "llama" files do."""
    cosine, sine = turn.to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    pairs = (even * cosine - odd * sine, even * sine + odd * cosine)
    return torch.stack(pairs, dim=-1).flatten(-2)


class Attention(nn.Module):
    """Grouped query attention without biases."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape
        narrow = shape.key_value_heads * shape.head_size
        self.q = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.k = nn.Linear(shape.hidden, narrow, bias=False)
        self.v = nn.Linear(shape.hidden, narrow, bias=False)
        self.output = nn.Linear(shape.hidden, shape.hidden, bias=False)

    def forward(self, x: Tensor, turn: Tensor, visible: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D); `visible` (B, 1, T, T) is true where a token may look."""
        rows, length, _ = x.shape
        size = self._shape.head_size
        q, k, v = (
            part.view(rows, length, -1, size).transpose(1, 2)
            for part in (self.q(x), self.k(x), self.v(x))
        )
        q, k = rotate(q, turn), rotate(k, turn)
        group = self._shape.heads // self._shape.key_value_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        result: Tensor = self.output(mixed.transpose(1, 2).reshape(rows, length, -1))
        return result


class FeedForward(nn.Module):
    """Gated feed forward layer with SiLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate = nn.Linear(shape.hidden, shape.feed_forward, bias=False)
        self.up = nn.Linear(shape.hidden, shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D)."""
        result: Tensor = self.down(functional.silu(self.gate(x)) * self.up(x))
        return result


class Block(nn.Module):
    """One layer: attention and feed forward, each behind a norm and beside a shortcut."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.hidden, eps=shape.norm_epsilon)
        self.attention = Attention(shape)
        self.feed_forward_norm = nn.RMSNorm(shape.hidden, eps=shape.norm_epsilon)
        self.feed_forward = FeedForward(shape)

    def forward(self, x: Tensor, turn: Tensor, visible: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D)."""
        x = x + self.attention(self.attention_norm(x), turn, visible)
        result: Tensor = x + self.feed_forward(self.feed_forward_norm(x))
        return result


class Network(nn.Module):
    """The language model. The token embedding is also the output matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.hidden)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden, eps=shape.norm_epsilon)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, positions: Tensor, visible: Tensor) -> Tensor:
        """Return the last hidden states (B, T, D) of token ids (B, T)."""
        turn = rotation(positions, self.shape)
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, turn, visible)
        result: Tensor = self.norm(x)
        return result

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the scores (..., vocabulary) of the next token for hidden states (..., D)."""
        return functional.linear(hidden, self.embedding.weight)

    def size(self) -> int:
        """Return the number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())


def causal_mask(examples: Tensor) -> Tensor:
    """Return the mask (B, 1, T, T) in which tokens see earlier ones of their own example.

    `examples` (B, T) numbers the example that each token belongs to.
    """
    length = examples.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool).tril()
    same = examples[:, :, None] == examples[:, None, :]
    return (earlier & same)[:, None]
