"""``python -m inference.training.blind``: what answering phrases without looking scores, to hold an engine against.

The same tasks and figures as ``maskwright evaluate referring``, answered with the whole image and with a box in its
middle of half its width and height.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from inference.evaluation.index import VOID, BadIndex, load_index, load_mask
from inference.evaluation.looking import chosen
from inference.evaluation.referring import Overlap, figures, overlap, text_tasks
from inference.prompts import MaskArray


def whole_image(height: int, width: int) -> MaskArray:
    """Every pixel."""
    return np.ones((height, width), np.bool_)


def centre_box(height: int, width: int) -> MaskArray:
    """The middle half of the rows and columns."""
    mask = np.zeros((height, width), np.bool_)
    mask[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    return mask


ANSWERS: dict[str, Callable[[int, int], MaskArray]] = {"whole_image": whole_image, "centre_box": centre_box}


def evaluate(index: Path, limit: int | None = None) -> dict[str, object]:
    """``oiou``, ``miou`` and ``p50`` of each answer over the text tasks. Raises :class:`BadIndex` without tasks."""
    tasks = chosen(text_tasks(load_index(index)), limit, None, f"{index} has no text tasks")
    found: dict[str, list[Overlap]] = {name: [] for name in ANSWERS}
    for task in tasks:
        values = load_mask(task.image)
        truth, valid = np.isin(values, task.objects), values != VOID
        for name, answer in ANSWERS.items():
            found[name].append(overlap(task.domain, answer(*values.shape), truth, valid))
    return {"n": len(tasks)} | {name: figures(each) for name, each in found.items()}


def main(arguments: list[str] | None = None) -> int:
    """Print the figures as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m inference.training.blind", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, help="index.json, with referring.json beside it")
    parser.add_argument("--limit", type=int, help="only this many evenly spaced tasks")
    options = parser.parse_args(arguments)
    try:
        print(json.dumps(evaluate(options.index, options.limit), indent=2))
    except BadIndex as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
