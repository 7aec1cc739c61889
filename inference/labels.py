"""The label service: which engine names the masks of which, and what speaks against every name.

Any engine with :attr:`Capability.LABEL` ranks names itself. For the masks of the others, of a person's hand or of a
file, a :func:`ranker` is chosen: CLIP with masked attention when it is installed, else SEEM, else ``lite``. Torch-free
at import.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from inference import registry, vocabularies
from inference.engine import Capability, EngineError, Image, Report, Vocabulary, silent
from inference.models.lite.concepts import parsed
from inference.prompts import MaskArray
from inference.results import Label, LabelScores

RANKERS = ("clip", "seem", "lite")
"""Who ranks names for engines that cannot, best first."""

NOTHING = ("background", "a blurry texture", "part of an object", "nothing")
"""Names that no one asks for: a mask that is closest to one of them is unknown."""

LEAST = 0.3
"""A name less probable than this is no answer. Not measured for CLIP (docs/engines/labels.md)."""


def ranker(engine: str) -> str:
    """The engine that ranks names when ``engine`` is asked to.

    Raises :class:`EngineError` when there is none, or ``UnknownEngine``.
    """
    if Capability.LABEL in registry.spec(engine).capabilities:
        return engine
    found = next((name for name in RANKERS if registry.known(name) and registry.installed(name)), None)
    if found is None:
        raise EngineError(f"{registry.spec(engine).title} does not rank names, and no engine that does is installed.")
    return found


def rank(
    image: Image, masks: Sequence[MaskArray], vocabulary: Vocabulary, engine: str = "classic", report: Report = silent
) -> LabelScores:
    """For use as a library: rank the names for each mask bool (height, width) of an image, by ``engine``'s ranker."""
    chosen = registry.create_engine(ranker(engine))
    return chosen.label(chosen.encode(image, report), masks, vocabulary)


def decided(scores: LabelScores, row: int, least: float = LEAST) -> Label | None:
    """The best name of a mask, or None when it is unknown: improbable, or less probable than that none fits."""
    best = next(iter(scores.ranked(row, 1)), None)
    if best is None or best.score < least or best.score <= float(scores.unknown[row]):
        return None
    return best


def against(vocabulary: Vocabulary) -> Vocabulary:
    """The vocabulary's classes, then what they have to prove themselves against: other classes and :data:`NOTHING`.

    Other classes are those of the packaged background lists, without any that is the same as a wanted one, an example
    of it or a more general word for it: a car does not speak against "vehicle".
    """
    whole = vocabularies.with_background(vocabulary)
    wanted = {vocabularies.plain(name) for i in range(len(vocabulary.names)) for name in vocabulary.all_names(i)}
    kin = {name for each in wanted for name in _kin(each)}
    kept = [
        index
        for index, name in enumerate(whole.names)
        if index < len(vocabulary.names) or vocabularies.plain(name) not in kin
    ]
    others = Vocabulary(tuple(name for name in NOTHING if name not in wanted))
    chosen = Vocabulary(tuple(whole.names[i] for i in kept), whole.stuff, tuple(whole.all_names(i)[1:] for i in kept))
    return vocabularies.joined(chosen, [others])


def chances(logits: NDArray[np.float32], wanted: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities (n, wanted) of the first classes of logits (n, all), and the rest of the probability, (n,)."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    shares = (powers / powers.sum(1, keepdims=True)).astype(np.float32)
    return shares[:, :wanted], shares[:, wanted:].sum(1)


def _kin(name: str) -> frozenset[str]:
    """All words above and below a word in the table of concepts."""
    up, down, canonical = _families()
    found: set[str] = set()
    for direction in (up, down):
        waiting = [canonical.get(name, name)]
        while waiting:
            for each in direction.get(waiting.pop(), ()):
                if each not in found:
                    found.add(each)
                    waiting.append(each)
    return frozenset(found)


@cache
def _families() -> tuple[dict[str, set[str]], dict[str, set[str]], dict[str, str]]:
    """Parents and children of each word of the packaged concepts, and the word that each synonym stands for."""
    table = parsed((resources.files("resources") / "vocabularies" / "concepts.txt").read_text("utf-8"))
    up: dict[str, set[str]] = {}
    down: dict[str, set[str]] = {}
    canonical: dict[str, str] = {}
    for concept in table:
        canonical |= dict.fromkeys((*concept.synonyms, concept.name), concept.name)
        for parent in concept.parents:
            up.setdefault(concept.name, set()).add(parent)
            down.setdefault(parent, set()).add(concept.name)
    return up, down, canonical
