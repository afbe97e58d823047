"""Command line: `--out DIR --steps N` trains a model, `evaluate GGUF` measures one."""

import argparse
import logging
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    root = argparse.ArgumentParser(prog="python -m lakeserve_demo_model.training")
    root.add_argument("--out", type=Path, help="folder for checkpoints and the final file")
    root.add_argument("--steps", type=int, default=2700, help="optimizer steps (default 2700)")
    root.add_argument("--seed", type=int, default=7, help="seed of all randomness (default 7)")
    commands = root.add_subparsers(dest="command")
    evaluation = commands.add_parser("evaluate", help="measure a GGUF file (needs xllamacpp)")
    evaluation.add_argument("model", type=Path)
    evaluation.add_argument("--seed", type=int, default=2026)
    return root


def main() -> None:
    """Run the command that the arguments name."""
    arguments = parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.command == "evaluate":
        from lakeserve_demo_model.training.evaluate import evaluate, markdown

        sys.stdout.write(markdown(evaluate(arguments.model, seed=arguments.seed)))
        return
    if arguments.out is None:
        parser().error("--out is required for training")
    from lakeserve_demo_model.training.loop import Plan
    from lakeserve_demo_model.training.run import run_training

    path = run_training(arguments.out, Plan(arguments.steps), seed=arguments.seed)
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
