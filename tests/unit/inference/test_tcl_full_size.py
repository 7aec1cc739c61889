"""A TCL file of the released size with random weights: strict loading, and what an image and new words cost."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPConfig, CLIPModel

from inference.engine import Image, Vocabulary, silent
from inference.engines import tcl
from inference.models.tcl.model import Tcl
from inference.models.tcl.segmenter import TclSegmenter
from inference.models.tcl.shape import TclShape
from inference.vocabularies import packaged

BASE = CLIPConfig(
    vision_config={"hidden_size": 768, "intermediate_size": 3072, "patch_size": 16, "num_attention_heads": 12},
    text_config={"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8},
    projection_dim=512,
)
MERGES = 49152 - 256 - 2
SIZE = (448, 448)
"""One window."""


def write_word_pieces(path: Path) -> None:
    """As many merges as CLIP has; only the number matters here."""
    path.write_text("\n".join(["#version: 0.2", *(f"{n} x" for n in range(MERGES))]) + "\n", encoding="utf-8")


@pytest.mark.full_size
@pytest.mark.timeout(3600)
def test_a_full_size_file_loads_and_new_words_are_cheap(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = Tcl(TclShape()).state_dict()
    learned = {name: each for name, each in state.items() if name.startswith("masker.")}
    assert len(learned) == 37
    torch.save({"model": learned}, tmp_path / "tcl.pth")
    CLIPModel(BASE).save_pretrained(tmp_path / "clip")
    write_word_pieces(tmp_path / "clip" / "merges.txt")
    engine = TclSegmenter(tcl.SPEC, tmp_path / "tcl.pth", tmp_path / "clip")
    engine.configure({"background": 0.01})
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)

    start = time.process_time()
    seen = engine.encode(Image(pixels, "hash"), silent)
    encoded = time.process_time() - start
    some, others = packaged("ade150").names[:20], packaged("ade150").names[20:40]
    engine.everything(seen, Vocabulary(some), silent)
    first = time.process_time() - start
    start = time.process_time()
    engine._names(others)
    read = time.process_time() - start
    start = time.process_time()
    engine.everything(seen, Vocabulary(others), silent)
    changed = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"\none window: {encoded:.2f} s of CPU, {seen.nbytes / 1e6:.1f} MB kept")
    shares = f"{changed / encoded:.3f} of encoding, {changed / first:.3f} of a first run"
    print(f"20 other names: texts {read:.2f} s, the rest {changed:.3f} s ({shares})")
    print(f"peak {peak / 1e9:.1f} GB")
    assert changed < 0.02 * first
