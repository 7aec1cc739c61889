"""``python -m inference.training.speed``: processor time of encoding, of the first click and of further ones."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image as Photo

from inference.engine import Engine, Image, silent
from inference.prompts import Point, PromptSet
from inference.registry import create_engine
from inference.results import Memory

MEGAPIXEL = 1_000_000
REPEATS = 5
CLICKS = (
    (0.42, 0.49, True), (0.26, 0.86, False), (0.52, 0.29, True), (0.37, 0.76, True), (0.70, 0.25, False),
    (0.17, 0.16, False), (0.30, 0.38, True), (0.72, 0.74, False), (0.49, 0.69, True), (0.57, 0.47, True),
    (0.25, 0.64, False), (0.46, 0.37, True), (0.69, 0.51, False), (0.34, 0.59, True), (0.41, 0.22, False),
    (0.52, 0.81, True),
)  # fmt: skip
"""Where to click, as shares of width and height, and the sign: on and round the cup of the sample photo."""


def measure(engine: Engine, photo: Path) -> dict[str, float]:
    """Median milliseconds of processor time on ``photo`` scaled to a megapixel; ``further_90`` is the 90 % quantile."""
    pixels = np.asarray(Photo.open(photo).convert("RGB"))
    scale = (MEGAPIXEL / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    pixels = np.ascontiguousarray(cv2.resize(pixels, None, fx=scale, fy=scale), np.uint8)
    height, width = pixels.shape[:2]
    encode, first, further = [], [], []
    for number in range(REPEATS):
        begun = time.process_time()
        features = engine.encode(Image(pixels, str(number)), silent)
        encode.append(time.process_time() - begun)
        prompts, memory = PromptSet(), None
        spent: list[float] = []
        for x, y, positive in CLICKS:
            prompts = prompts.added(Point(x * width, y * height, positive))
            begun = time.process_time()
            answered: Memory | None = engine.segment(features, prompts, memory, silent).memory
            spent.append(time.process_time() - begun)
            memory = answered
        first.append(spent[0])
        further += spent[1:]
    figures = {"encode": np.median(encode), "first": np.median(first), "further": np.median(further)}
    return {name: round(float(value) * 1e3, 1) for name, value in figures.items()} | {
        "further_90": round(float(np.quantile(further, 0.9)) * 1e3, 1)
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m inference.training.speed", description=__doc__)
    parser.add_argument("photo", type=Path, help="coffee.jpg of resources/sample/images, where the clicks make sense")
    parser.add_argument("--engine", default="lite")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    engine = create_engine(options.engine)
    torch.set_num_threads(options.threads)
    print(json.dumps(measure(engine, options.photo), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
