"""CLIP's byte-pair tokenizer, made from its list of merges (``merges.txt`` or ``bpe_simple_vocab_16e6.txt.gz``).

The list is all there is to it: ids follow from the order of bytes, bytes at a word's end, merges, and two marks.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import regex  # type: ignore[import-untyped]

from inference.engine import WrongWeights

_WORDS = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+", regex.IGNORECASE)
_END = "</w>"
MERGES = 49152 - 256 - 2
"""How many merges CLIP uses; the gzip file lists more."""


class Tokenizer:
    def __init__(self, merges: list[tuple[str, str]], context: int) -> None:
        self._letters = _byte_letters()
        pieces = [*self._letters.values(), *(letter + _END for letter in self._letters.values())]
        pieces += [first + second for first, second in merges]
        self._ids = {piece: index for index, piece in enumerate(pieces)}
        self._rank = {merge: index for index, merge in enumerate(merges)}
        self.start, self.end = len(pieces), len(pieces) + 1
        self.context = context
        self._pieces_of = lru_cache(maxsize=4096)(self._merged)

    @staticmethod
    def read(path: Path, context: int) -> Tokenizer:
        """Raises :class:`WrongWeights` when the file is not a list of merges."""
        try:
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            lines = data.decode("utf-8").splitlines()
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise WrongWeights(f"{path.name} cannot be read as a list of word pieces.") from error
        # the first line states the version
        merges = [tuple(line.split()) for line in lines[1 : MERGES + 1] if line]
        if not merges or any(len(merge) != 2 for merge in merges):
            raise WrongWeights(f"{path.name} is not a list of word pieces: each line needs two.")
        return Tokenizer([(merge[0], merge[1]) for merge in merges], context)

    def __call__(self, text: str) -> list[int]:
        """Ids of one text, as many as the context holds: start, pieces, end, and ends as padding."""
        ids = [self.start]
        for word in _WORDS.findall(" ".join(text.lower().split())):
            letters = "".join(self._letters[byte] for byte in word.encode("utf-8"))
            ids += [self._ids[piece] for piece in self._pieces_of(letters)]
        ids = ids[: self.context - 1]
        return ids + [self.end] * (self.context - len(ids))

    def _merged(self, word: str) -> tuple[str, ...]:
        """The pieces of a word: the earliest merge of the list is made first, wherever it occurs."""
        pieces = [*word[:-1], word[-1] + _END]
        while len(pieces) > 1:
            pairs = list(pairwise(pieces))
            best = min(pairs, key=lambda pair: self._rank.get(pair, len(self._rank)))
            if best not in self._rank:
                break
            joined: list[str] = []
            for piece in pieces:
                if joined and (joined[-1], piece) == best:
                    joined[-1] += piece
                else:
                    joined.append(piece)
            pieces = joined
        return tuple(pieces)


def _byte_letters() -> dict[int, str]:
    """Every byte as one visible letter: printable ones as they are, in order, then the others from U+0100 on."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = {byte: chr(byte) for byte in visible}
    hidden = [byte for byte in range(256) if byte not in letters]
    letters.update({byte: chr(256 + index) for index, byte in enumerate(hidden)})
    return letters
