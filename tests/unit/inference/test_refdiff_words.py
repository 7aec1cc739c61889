"""The word an expression is about: chosen, by spaCy, by the rules; its token; sentences longer than the context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from transformers import CLIPTokenizer

from inference.models.refdiff import words
from inference.models.refdiff.root_word import RootWord, root_word
from inference.models.refdiff.words import meant_word, parsed_root, token_of
from tests.unit.inference.diffusion_model import TOKENIZER


@dataclass
class Token:
    """What is used of a token of spaCy."""

    text: str
    idx: int
    dep_: str


def _parser(*roles: str) -> Any:
    """Stands in for spaCy: roles of the words in order."""

    def parse(text: str) -> list[Token]:
        found, at = [], 0
        for word, role in zip(text.split(), roles, strict=True):
            at = text.index(word, at)
            found.append(Token(word, at, role))
        return found

    return lambda: parse


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return CLIPTokenizer.from_pretrained(TOKENIZER)


def test_the_chosen_word_counts_where_it_stands() -> None:
    assert meant_word("woman with a red hat", "HAT") == RootWord("hat", 17, 20)
    assert meant_word("woman with a red hat", "man").word == "woman"
    assert meant_word("woman with a red hat").word == "woman"


def test_spacy_where_installed_and_sensible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_parser", _parser("compound", "nsubj", "ROOT"))
    assert parsed_root("puppy dog runs") == RootWord("dog", 6, 9)
    monkeypatch.setattr(words, "_parser", _parser("ROOT", "amod", "dobj"))
    assert parsed_root("left brown cow") == root_word("left brown cow")
    monkeypatch.setattr(words, "_parser", _parser("expl", "ROOT", "det", "attr"))
    assert parsed_root("there is a man").word == "man"


def test_without_spacy_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_parser", lambda: None)
    assert parsed_root("left brown cow").word == "cow"


def test_the_last_piece_of_the_word(tokenizer: Any) -> None:
    text = "brown cow on the left"
    assert token_of(tokenizer, text, RootWord("cow", 6, 9)) == 2
    pieces = tokenizer("zebra left").input_ids
    assert len(pieces) > 4
    assert token_of(tokenizer, "zebra left", RootWord("zebra", 0, 5)) == len(pieces) - 3
    assert token_of(tokenizer, "woman man", RootWord("man", 6, 9)) == len(tokenizer("woman man").input_ids) - 2


def test_words_beyond_the_context_and_no_words(tokenizer: Any) -> None:
    text = "cow " * 100
    assert token_of(tokenizer, text, RootWord("cow", 396, 399)) == 75
    assert token_of(tokenizer, "", RootWord("", 0, 0)) == 0
    assert token_of(tokenizer, "cow", RootWord("", 0, 0)) == 1
