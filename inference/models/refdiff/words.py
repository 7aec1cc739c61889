"""Which word an expression is about, by our rules or by spaCy where it is installed, and which token that is."""

from __future__ import annotations

from typing import Any

from inference.models.refdiff.root_word import RootWord


def token_of(tokenizer: Any, text: str, root: RootWord, context: int = 77) -> int:
    """Index of the last token of the word in the tokenised text; 0 is the start token.

    A word beyond the context, or none, gives the last token of the text that is there (0 for an empty text).
    """
    offsets = tokenizer(text, return_offsets_mapping=True, truncation=True, max_length=context).offset_mapping
    last = len(offsets) - 2
    inside = [at for at in range(1, last + 1) if offsets[at][0] < root.end and offsets[at][1] > root.start]
    return inside[-1] if inside else max(0, last)
