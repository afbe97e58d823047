"""One whole training run: tokenizer, network, loop and the files that it leaves."""

import json
import logging
import random
import time
from dataclasses import asdict
from pathlib import Path

import torch

from lakeserve_demo_model.training.batches import Packer
from lakeserve_demo_model.training.export import export_gguf
from lakeserve_demo_model.training.loop import Plan, Progress, train
from lakeserve_demo_model.training.network import Network, Shape
from lakeserve_demo_model.training.tokenizer import train_tokenizer

logger = logging.getLogger(__name__)

ROWS = 8
LENGTH = 384


def run_training(
    folder: Path, plan: Plan, *, seed: int, shape: Shape | None = None, samples: int = 15_000
) -> Path:
    """Train a model into `folder` and return the path of the final GGUF file.

    Checkpoints are written as `step-N.gguf`, the log of the run as `training.json`. The
    tokenizer learns from `samples` conversations.
    """
    shape = shape or Shape()
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = train_tokenizer(rng, size=shape.vocabulary, samples=samples)
    tokenizer.save(str(folder / "tokenizer.json"))
    network = Network(shape)
    logger.info("%d parameters, tokenizer took %.0f s", network.size(), time.process_time())
    history: list[Progress] = []

    def checkpoint(progress: Progress) -> None:
        history.append(progress)
        export_gguf(network, tokenizer, folder / f"step-{progress.step}.gguf")
        record = {
            "seed": seed,
            "parameters": network.size(),
            "tokens": progress.step * ROWS * LENGTH,
            "plan": asdict(plan),
            "history": [asdict(entry) for entry in history],
        }
        (folder / "training.json").write_text(json.dumps(record, indent=1), encoding="utf-8")

    final = train(network, Packer(tokenizer, rng, ROWS, LENGTH), plan, checkpoint)
    torch.save(network.state_dict(), folder / "network.pt")
    return folder / f"step-{final.step}.gguf"
