"""A small TCL with random weights and a few word pieces, as files."""

from __future__ import annotations

from pathlib import Path

import torch

from inference.models.tcl.model import Tcl
from inference.models.tcl.shape import TclShape
from tests.unit.inference.clip_model import WORDS
from tests.unit.inference.seem_model import write_word_pieces

SHAPE = TclShape(
    width=64,
    layers=2,
    heads=1,
    grid=14,
    out=48,
    text_width=64,
    text_layers=2,
    text_heads=1,
    words=WORDS,
)


def write_tcl(folder: Path, seed: int = 4) -> Path:
    """A file with both towers, in the form of the training code. Probabilities spread over all of 0 to 1."""
    torch.manual_seed(seed)
    model = Tcl(SHAPE)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "ln_" not in name and "norm" not in name and parameter.dim() > 1:
                parameter.normal_(0.0, 2 * parameter[0].numel() ** -0.5)
        model.masker.sim2mask.w.fill_(30.0)
        model.masker.sim2mask.b.fill_(0.0)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"model": model.state_dict()}, folder / "tcl.pth")
    write_word_pieces(folder / "merges.txt")
    return folder / "tcl.pth"
