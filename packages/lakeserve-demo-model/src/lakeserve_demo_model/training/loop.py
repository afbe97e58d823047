"""The training loop."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import AdamW, Muon, Optimizer

from lakeserve_demo_model.training.batches import Batch, Packer
from lakeserve_demo_model.training.network import Network, causal_mask

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """Length and pace of a training run.

    `checkpoint_every` and `log_every` count steps, `learning_rate` is the highest rate.
    """

    steps: int
    learning_rate: float = 2.5e-3
    warm_up: int = 60
    checkpoint_every: int = 300
    log_every: int = 50


@dataclass(frozen=True)
class Progress:
    """State of a run: steps done, mean loss of the last steps, CPU and wall seconds."""

    step: int
    loss: float
    cpu_seconds: float
    wall_seconds: float


def learning_rate(plan: Plan, step: int) -> float:
    """Return the rate of a step: a linear start, then a cosine down to two percent."""
    start = min(1.0, (step + 1) / plan.warm_up)
    cosine = 0.5 * (1 + math.cos(math.pi * step / plan.steps))
    return plan.learning_rate * start * (0.02 + 0.98 * cosine)


def optimizers(network: Network, rate: float) -> list[Optimizer]:
    """Return Muon for the matrices of the blocks and AdamW for all other parameters."""
    matrices = [p for p in network.blocks.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in network.parameters() if id(p) not in chosen]
    return [
        Muon(matrices, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        AdamW(others, lr=rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def batch_loss(network: Network, batch: Batch) -> Tensor:
    """Return the mean cross entropy of the tokens to learn, a scalar."""
    targets = torch.zeros_like(batch.learn)
    targets[:, :-1] = batch.learn[:, 1:]
    chosen = targets.reshape(-1).nonzero().squeeze(1)
    wanted = torch.roll(batch.ids, -1, 1).reshape(-1)[chosen]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = network(batch.ids, batch.positions, causal_mask(batch.examples))
        logits = network.logits(hidden.reshape(-1, hidden.shape[-1])[chosen])
    return functional.cross_entropy(logits.float(), wanted)


def train(
    network: Network, packer: Packer, plan: Plan, checkpoint: Callable[[Progress], None]
) -> Progress:
    """Train the network in place and return the final state.

    `checkpoint` is called every `plan.checkpoint_every` steps and after the last one.
    """
    network.train()
    chosen = optimizers(network, plan.learning_rate)
    cpu_start, wall_start = time.process_time(), time.monotonic()
    losses: list[float] = []
    progress = Progress(0, math.nan, 0.0, 0.0)
    for step in range(plan.steps):
        losses.append(_step(network, packer.next_batch(), chosen, learning_rate(plan, step)))
        recent = losses[-plan.log_every :]
        progress = Progress(
            step + 1,
            sum(recent) / len(recent),
            time.process_time() - cpu_start,
            time.monotonic() - wall_start,
        )
        if progress.step % plan.log_every == 0:
            logger.info("%s", progress)
        if progress.step % plan.checkpoint_every == 0 or progress.step == plan.steps:
            checkpoint(progress)
    return progress


def _step(network: Network, batch: Batch, chosen: list[Optimizer], rate: float) -> float:
    for optimizer in chosen:
        for group in optimizer.param_groups:
            group["lr"] = rate
    loss = batch_loss(network, batch)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    for optimizer in chosen:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item()
