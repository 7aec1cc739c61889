"""A tokenizer for the toy world: CLIP's byte-level BPE with so few merges that each of its words is one token."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from transformers import CLIPTokenizer

from tests.toyworld.captions import WORDS

START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 77
"""Tokens per prompt, padded, as in Stable Diffusion."""


def make_tokenizer() -> CLIPTokenizer:
    """Knows every byte, so that any text can be typed, and merges the letters of each word of :data:`WORDS`."""
    letters = list(_byte_letters())
    merges = _learn_merges(WORDS)
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges), START, END]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(
        vocab=vocabulary, merges=merges, model_max_length=LENGTH, bos_token=START, eos_token=END, unk_token=END,
        pad_token=END,
    )  # fmt: skip


def _byte_letters() -> tuple[str, ...]:
    """The printable stand-ins of the 256 bytes, in CLIP's order: printable bytes first, the others from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = 256 - len(printable)
    return tuple(chr(code) for code in [*printable, *range(256, 256 + others)])


def _learn_merges(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """Byte-pair encoding carried on until every word is one symbol; ties go to the pair that sorts first."""
    spelled = [[*word[:-1], f"{word[-1]}</w>"] for word in words]
    merges: list[tuple[str, str]] = []
    while True:
        counts = Counter(pair for word in spelled for pair in pairwise(word))
        if not counts:
            return merges
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        spelled = [_merged(word, best) for word in spelled]


def _merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(word):
        both = tuple(word[at : at + 2]) == pair
        out.append("".join(pair) if both else word[at])
        at += 2 if both else 1
    return out
