"""The network."""

import torch
from lakeserve_demo_model.training.network import Network, Shape, causal_mask, rotate, rotation

SHAPE = Shape(
    vocabulary=50, hidden=32, layers=2, heads=4, key_value_heads=2, feed_forward=64, context=64
)


def hidden(network: Network, ids: torch.Tensor, examples: torch.Tensor) -> torch.Tensor:
    positions = torch.arange(ids.shape[1]).repeat(ids.shape[0], 1)
    with torch.no_grad():
        result: torch.Tensor = network(ids, positions, causal_mask(examples))
    return result


def test_the_shipped_shape_has_five_million_parameters() -> None:
    assert 4_900_000 < Network(Shape()).size() < 5_100_000


def test_later_tokens_change_nothing_before_them() -> None:
    torch.manual_seed(0)
    network, examples = Network(SHAPE), torch.zeros(1, 8, dtype=torch.long)
    ids = torch.randint(0, 50, (1, 8))
    changed = ids.clone()
    changed[0, -1] = (ids[0, -1] + 1) % 50
    first, second = hidden(network, ids, examples), hidden(network, changed, examples)
    assert torch.equal(first[:, :-1], second[:, :-1])
    assert not torch.equal(first[:, -1], second[:, -1])


def test_examples_of_a_row_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    network = Network(SHAPE)
    ids = torch.randint(0, 50, (1, 8))
    changed = ids.clone()
    changed[0, 0] = (ids[0, 0] + 1) % 50
    examples = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1]])
    first, second = hidden(network, ids, examples), hidden(network, changed, examples)
    assert torch.equal(first[:, 4:], second[:, 4:])
    assert not torch.equal(first[:, :4], second[:, :4])


def test_rotation_keeps_lengths_and_depends_on_distance_only() -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 1, 1, 1, SHAPE.head_size)

    def product(at: int, other: int) -> torch.Tensor:
        places = torch.tensor([[at], [other]])
        turns = rotation(places, SHAPE)
        return (rotate(q, turns[:, :1]) * rotate(k, turns[:, 1:])).sum()

    turned = rotate(q, rotation(torch.tensor([[17]]), SHAPE))
    torch.testing.assert_close(turned.norm(), q.norm())
    torch.testing.assert_close(product(5, 3), product(25, 23))


def test_logits_use_the_embedding() -> None:
    network = Network(SHAPE)
    row = network.embedding.weight[7].detach()
    assert network.logits(row).argmax() == (network.embedding.weight @ row).argmax()
    assert network.logits(row[None]).shape == (1, SHAPE.vocabulary)
