"""``python -m inference.training.export``: the averaged weights of checkpoints as the file that ships."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from inference.models.lite.weights import save


def mean_of(checkpoints: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the checkpoints' averaged weights.

    For a run and those that started from it: between them the mean is better than its ends at what either forgot
    (Wortsman et al. 2022, "Model soups", "Robust fine-tuning of zero-shot models"). Counters are the last one's.
    """
    states = [torch.load(path, map_location="cpu", weights_only=True)["average"] for path in checkpoints]
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[-1].items()
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the weights file."""
    parser = argparse.ArgumentParser(prog="python -m inference.training.export", description=__doc__)
    parser.add_argument(
        "checkpoints", type=Path, nargs="+", help="checkpoint.pt of a training run; several: their mean"
    )
    parser.add_argument("weights", type=Path, help="the safetensors file to write")
    options = parser.parse_args(arguments)
    save(mean_of(options.checkpoints), options.weights)
    return 0


if __name__ == "__main__":
    sys.exit(main())
