"""``python -m inference.training.lite``: train the built-in model ``lite`` on a folder of labelled images."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inference.training.data import BadIndex, load_index
from inference.training.recipe import LEARNING_RATE, Budget, Training, settings


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m inference.training.lite", description=__doc__)
    made.add_argument("--data", type=Path, required=True, help="folder with index.json, images/ and masks/")
    made.add_argument("--out", type=Path, required=True, help="folder for checkpoints, log.csv and curves.png")
    made.add_argument("--minutes", type=float, default=150.0, help="working time to train for (default 150)")
    made.add_argument("--steps", type=int, help="train for so many steps instead: reproducible from the seed")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--threads", type=int, default=1, help="CPU threads: the cores that are really free (default 1)")
    made.add_argument(
        "--tune-from",
        type=float,
        default=1.0,
        help="part of the budget after which the backbone learns too (default 1: it stays as ImageNet left it)",
    )
    made.add_argument("--permissive", action="store_true", help="only images whose licence allows commercial use")
    made.add_argument("--rate", type=float, default=LEARNING_RATE, help=f"highest learning rate ({LEARNING_RATE})")
    made.add_argument("--start-from", type=Path, help="begin with the weights of another run's checkpoint.pt")
    made.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Train. Exit code 0 done, 2 bad input, 130 interrupted with the checkpoint kept."""
    options = parser().parse_args(arguments)
    console = Console(stderr=True)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        images = load_index(options.data)
        if options.permissive:
            images = [image for image in images if image.is_permissive]
        budget = Budget(options.minutes, options.steps)
        training = Training(images, options.out, options.seed, budget, options.tune_from, options.rate)
        if options.start_from:
            training.start_from(options.start_from)
        if options.resume:
            training.restore()
    except (BadIndex, FileNotFoundError) as error:
        console.print(str(error), style="red")
        return 2
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=1.0)
        try:
            training.run(lambda used, text: bar.update(task, completed=min(used, 1.0), description=text))
        except KeyboardInterrupt:
            training.save()
            return 130
    (options.out / "settings.json").write_text(json.dumps(settings(training), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
