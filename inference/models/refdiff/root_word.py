"""The root word of a referring expression, and the directions it names, by rules of our own (refdiff.md §10).

The root word is the thing that the words are about: "cow" in "left brown cow by the tree". A scan from the left
collects the first noun phrase and takes its last word that can be a noun. No model and no download are needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from inference.models.refdiff import lexicon as lex

_TOKEN = re.compile(
    r"[^\W\d_]+(?:[-'’][^\W\d_]+)*(?:(?<=s)['’](?!\w))?|\d+(?:st|nd|rd|th)|\d+|[,;:.()/—–!?]|w/o?(?!\w)", re.UNICODE
)
_STOPS = frozenset(",;:.()/—–!?")

_DIRECTIONS = {
    "left": ("left", "leftmost", "left-most", "left-hand", "lefthand", "lefthandside"),
    "right": ("right", "rightmost", "right-most", "right-hand", "righthand"),
    "top": ("top", "topmost", "top-most", "upper", "uppermost", "upper-most"),
    "bottom": ("bottom", "bottommost", "bottom-most", "lower", "lowermost", "lower-most"),
}
_DIRECTION_OF = {word: name for name, words in _DIRECTIONS.items() for word in words}
_CLOSELY = frozenset(
    ["next", "behind", "beside", "above", "below", "under", "underneath", "there", "here", "before", "after", "near"]
)
_AT = frozenset(["on", "the", "far", "to", "at", "top", "bottom", "upper", "lower", "most", "back", "front", "in"])


@dataclass(frozen=True, slots=True)
class RootWord:
    """A word of the text and where it stands: ``text[start:end] == word``. An empty text gives an empty word at 0."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Word:
    low: str
    start: int
    end: int
    owner: bool = False  # "girl's", "girls'": the owner of what follows

    @property
    def is_stop(self) -> bool:
        return self.low in _STOPS


def root_word(text: str) -> RootWord:
    """The word that names what ``text`` refers to, as written there (not lower-cased), with its place."""
    words = _split(text)
    chosen = _Scan(_without_opening(words)).head() if words else None
    if chosen is None:
        return RootWord("", 0, 0)
    return RootWord(text[chosen.start : chosen.end], chosen.start, chosen.end)


def directions(text: str) -> tuple[str, ...]:
    """The directions named by whole words of ``text``: of left, right, top, bottom, each once, in order of the text.

    "bright" names none, and neither does "right" in "right next to", where it means "immediately".
    """
    words = [word.low for word in _split(text)]
    found: list[str] = []
    for at, word in enumerate(words):
        name = _DIRECTION_OF.get(word)
        following = words[at + 1] if at + 1 < len(words) else ""
        before = words[at - 1] if at else ""
        immediately = word == "right" and following in _CLOSELY and before not in _AT
        remaining = word == "left" and following == "over"
        if name and not immediately and not remaining and name not in found:
            found.append(name)
    return tuple(found)


def _split(text: str) -> list[_Word]:
    words: list[_Word] = []
    for match in _TOKEN.finditer(text):
        low = match.group().lower().replace("’", "'")
        start, end = match.span()
        if low.endswith("'s"):
            stem = low[:-2]
            if stem in lex.PRONOUNS | lex.DUMMIES | {"there", "who", "what"}:  # "he's" is "he is"
                words += [_Word(stem, start, end - 2), _Word("is", end - 2, end)]
            else:
                words.append(_Word(stem, start, end - 2, owner=True))
        elif low.endswith("'"):
            words.append(_Word(low[:-1], start, end - 1, owner=True))
        else:
            words.append(_Word(low, start, end))
    return words


def _without_opening(words: Sequence[_Word]) -> Sequence[_Word]:
    """Drop what only introduces the thing: "there is", "find me", "this is", "on the left is"."""
    lows = [word.low for word in words]
    rest = 0
    if (lows[0] in {"there", "here"} and len(lows) > 2 and lows[1] in lex.BE) or (
        lows[0] in lex.DUMMIES and len(lows) > 3 and lows[1] in lex.BE and lows[2] in lex.DETERMINERS
    ):
        rest = 2
    elif lows[0] in {"please", *lex.COMMANDS}:
        while rest < len(lows) - 1 and lows[rest] in lex.COMMANDS | {"please", "me", "at", "to", "out"}:
            rest += 1
        if lows[rest] not in lex.DETERMINERS:  # "mark on the wall", "point guard"
            rest = 0
    elif lows[0] in {"on", "in", "at", "to"}:
        be = next((at for at, low in enumerate(lows) if low in lex.BE | {",", "there"}), 0)
        if 0 < be < len(lows) - 1 and all(low in lex.DETERMINERS | lex.PLACES | lex.JOINTS for low in lows[:be]):
            rest = be + 1
    return words[rest:] or words


@dataclass(slots=True)
class _Scan:
    words: Sequence[_Word]
    phrase: list[_Word] = field(default_factory=list)
    nouns: list[_Word] = field(default_factory=list)

    def head(self) -> _Word | None:
        owner: _Word | None = None
        for at, word in enumerate(self.words):
            if word.owner and not self._is_verb_like(self._low(at + 1)):
                owner = word
                self.phrase.clear()
                self.nouns.clear()
                continue
            if word.low in lex.PRONOUNS and not self.phrase:
                return word
            if self._ends(at):
                break
            if self._is_passed_over(at):
                continue
            self.phrase.append(word)
            if _can_be_noun(word.low):
                self.nouns.append(word)
            if word.owner:  # "the man's standing": here 's is a verb
                break
        return self._last(owner)

    def _last(self, owner: _Word | None) -> _Word | None:
        if self.nouns:
            return self.nouns[-1]
        content = [word for word in self.phrase if word.low not in lex.DETERMINERS]
        # "peeled orange", "light on the left": only weak words, of which the last one outside the places is meant
        things = [word for word in content if word.low not in lex.PLACES and word.low not in lex.CLOSE]
        if things:
            return things[-1]
        if content:
            return content[-1]
        if owner is not None:
            return owner
        if self.phrase:
            return self.phrase[-1]
        plain = [word for word in self.words if not word.is_stop]
        return plain[-1] if plain else None

    def _low(self, at: int) -> str:
        return self.words[at].low if at < len(self.words) else ""

    def _is_verb_like(self, low: str) -> bool:
        return _is_gerund(low) or low in lex.PARTICIPLES

    def _is_passed_over(self, at: int) -> bool:
        word = self.words[at]
        low = word.low
        if low.isdigit() or word.is_stop or low in lex.JOINTS or low in {"and", "&"}:
            return True
        return low == "that" and not self.phrase

    def _ends(self, at: int) -> bool:
        """Whether the first noun phrase is complete before the word at ``at``."""
        low, following = self._low(at), self._low(at + 1)
        plain_next = _can_be_noun(following)
        weak = any(word.low not in lex.DETERMINERS and word.low not in lex.PLACES for word in self.phrase)
        person = bool(self.nouns) and self.nouns[-1].low in lex.PEOPLE
        if low in _STOPS or low in {"and", "&"}:
            return bool(self.nouns)
        if low in lex.PARTICLES and not self.nouns and weak and plain_next:
            return False  # "rolled up towel"
        if low in lex.JOINTS or low in lex.PRONOUNS:
            return bool(self.phrase)
        if low in {"that", "which", "what", "the", "a", "an", "this", "his", "her", "my", "their", "its"}:
            return bool(self.nouns)
        if _is_gerund(low):
            compound = low in lex.GERUND_MODIFIERS and plain_next and not person
            return not compound and (bool(self.nouns) or (weak and not plain_next))
        if _is_past(low):
            return (bool(self.nouns) and (person or not plain_next)) or (weak and not plain_next and following != "")
        if not self.nouns:
            return False
        if low in lex.VERBS or low in lex.CLOSE or low in {"number", "mid"}:
            return True
        if low in lex.PLURAL_VERBS:
            subject = self.nouns[-1].low
            return subject in lex.PLURALS or (subject.endswith("s") and not subject.endswith("ss"))
        # "woman black shirt": note form, where a second thing follows without a preposition
        return person and (low in lex.WORN or (not _can_be_noun(low) and low not in lex.PLACES))


def _is_gerund(low: str) -> bool:
    return low.endswith("ing") and low not in lex.GERUND_NOUNS and len(low) > 4


def _is_past(low: str) -> bool:
    return low in lex.PARTICIPLES or (low.endswith("ed") and low not in lex.ED_NOUNS and low not in lex.COLOURS)


def _can_be_noun(low: str) -> bool:
    """Whether the word may well be the head; weak words (adjectives, colours, participles) only for want of another."""
    if not low or not low[0].isalpha() or low in lex.PRONOUNS or low in lex.JOINTS or low == "and":
        return False
    if low in lex.DETERMINERS or low in lex.PLACES or low in lex.COLOURS or low in lex.ADJECTIVES or low in lex.CLOSE:
        return False
    return not (_is_gerund(low) or _is_past(low) or _has_adjective_ending(low))


def _has_adjective_ending(low: str) -> bool:
    if len(low) > 4 and low.endswith("est"):
        return low not in lex.EST_NOUNS
    if len(low) > 4 and low.endswith(("ous", "ful", "less", "ish")):
        return low not in {"fish", "dish", "spoonful", "handful", "mouthful", "radish", "octopus", "starfish"}
    if len(low) > 3 and low.endswith("y") and low[-2] not in "aeou":
        return low not in lex.Y_NOUNS and not low.endswith("berry")
    return False
