"""Sets of prompt templates: a class name is put into each, and the embeddings are averaged (section 4.1).

A phrase that the user typed as a whole goes in as it is, with ``PLAIN``.
"""

from __future__ import annotations

PLAIN = ("{}",)
SIMPLE = ("a photo of a {}.",)
SUBSET = (
    "itap of a {}.",
    "a bad photo of a {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)
EVALUATION = (*SUBSET, "a photo of many {}.", "a photo of {}s.")
"""The nine of the paper's evaluation."""


def filled(names: list[str], templates: tuple[str, ...] = EVALUATION) -> list[list[str]]:
    """The prompts of each name, one per template; braces in a name stay as they are."""
    return [[template.replace("{}", name) for template in templates] for name in names]
