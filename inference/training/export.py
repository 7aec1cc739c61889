"""``python -m inference.training.export``: a checkpoint's averaged weights as the file that ships."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from inference.models.lite.weights import save


def main(arguments: list[str] | None = None) -> int:
    """Write the weights file."""
    parser = argparse.ArgumentParser(prog="python -m inference.training.export", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="checkpoint.pt of a training run")
    parser.add_argument("weights", type=Path, help="the safetensors file to write")
    options = parser.parse_args(arguments)
    state = torch.load(options.checkpoint, map_location="cpu", weights_only=True)["average"]
    save(state, options.weights)
    return 0


if __name__ == "__main__":
    sys.exit(main())
