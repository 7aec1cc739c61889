"""Class colours: 20 that stay apart under the common colour-vision deficiencies by differing in lightness too."""

from __future__ import annotations

CLASS_COLOURS = (
    "#e6194b", "#3cb44b", "#ffe119", "#4363d8", "#f58231", "#911eb4", "#42d4f4", "#f032e6", "#bfef45", "#fabed4",
    "#469990", "#dcbeff", "#9a6324", "#fffac8", "#800000", "#aaffc3", "#808000", "#ffd8b1", "#000075", "#a9a9a9",
)  # fmt: skip
UNLABELLED_COLOUR = "#c8ccd2"


def colour_for(number: int) -> str:
    """The colour of the ``number``-th class (from 1), going round after 20."""
    return CLASS_COLOURS[(number - 1) % len(CLASS_COLOURS)]
