"""What a pre-labelling job looks for and where: a value that is kept with the job in the project file as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from desktop.dataset.errors import DatasetError, MaskError
from desktop.dataset.masks import Mask
from inference.engine import Capability, EngineSpec, OptionValue, Vocabulary
from inference.prompts import PromptKind

KIND = "prelabel"
"""The kind of such a job in the project file."""

FORMAT = 1
LEAST_SCORE = 0.05
"""Finds with a lower score are not kept; the review's own threshold is live above it."""


class PrelabelError(DatasetError):
    """A pre-labelling job cannot be done as it was asked for; its text is the sentence for the person."""


@dataclass(frozen=True, slots=True)
class Region:
    """A reference: what to look for, shown in an image. ``image`` is its path as the project stores paths."""

    image: str
    mask: Mask
    label: str = ""
    page: int = 0


@dataclass(frozen=True, slots=True)
class PrelabelRequest:
    """Exactly one of ``everything``, ``classes``, ``texts`` and ``references`` says what is looked for.

    ``image_ids``: only these images, in this order; None: all. ``least_score`` in [0, 1] is what a find needs to be
    kept. Images that have instances are left out unless ``annotated`` is true.
    """

    engine: str
    everything: bool = False
    classes: Vocabulary | None = None
    texts: tuple[str, ...] = ()
    references: tuple[Region, ...] = ()
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    seed: int = 0
    least_score: float = LEAST_SCORE
    annotated: bool = False
    image_ids: tuple[int, ...] | None = None

    def check(self, spec: EngineSpec) -> None:
        """Raise :class:`PrelabelError` when the engine cannot do that, or an option that it does not have."""
        asked = [self.everything, self.classes is not None, bool(self.texts), bool(self.references)]
        if sum(asked) != 1:
            raise PrelabelError("Say what to look for: everything, classes, texts or references, one of them.")
        if not 0 <= self.least_score <= 1:
            raise PrelabelError(f"The least score lies between 0 and 1, not at {self.least_score:g}.")
        if self.everything and Capability.EVERYTHING not in spec.capabilities:
            raise PrelabelError(f"{spec.title} cannot run on a whole image.")
        words = PromptKind.TEXT in spec.prompts
        if self.classes is not None and not (words or _names_regions(spec)):
            raise PrelabelError(f"{spec.title} cannot look for classes by their names.")
        if self.texts and not words:
            raise PrelabelError(f"{spec.title} does not take text.")
        if self.references and PromptKind.REFERENCE not in spec.prompts:
            raise PrelabelError(f"{spec.title} does not take reference regions.")
        spec.settled(self.options)

    def to_json(self) -> str:
        """The same text for equal requests."""
        content: dict[str, Any] = {"format": FORMAT, "engine": self.engine, "seed": self.seed}
        content |= {"options": dict(self.options), "least_score": self.least_score, "annotated": self.annotated}
        if self.everything:
            content["everything"] = True
        if self.classes is not None:
            content["classes"] = {
                "names": self.classes.names, "stuff": sorted(self.classes.stuff), "synonyms": self.classes.synonyms
            }  # fmt: skip
        if self.texts:
            content["texts"] = self.texts
        if self.references:
            content["references"] = [
                {"image": r.image, "page": r.page, "label": r.label, "mask": r.mask.rle()} for r in self.references
            ]
        if self.image_ids is not None:
            content["images"] = self.image_ids
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> PrelabelRequest:
        """Raises :class:`PrelabelError` for a text that :meth:`to_json` did not write."""
        try:
            content = json.loads(text)
            if content["format"] > FORMAT:
                raise PrelabelError("This job was begun by a newer Maskwright.")
            named = content.get("classes")
            classes = None
            if named is not None:
                synonyms = tuple(tuple(map(str, names)) for names in named["synonyms"])
                classes = Vocabulary(tuple(map(str, named["names"])), frozenset(named["stuff"]), synonyms)
            references = tuple(
                Region(str(r["image"]), Mask.from_rle(r["mask"]), str(r["label"]), int(r["page"]))
                for r in content.get("references", ())
            )
            images = content.get("images")
            return PrelabelRequest(
                str(content["engine"]), bool(content.get("everything")), classes,
                tuple(map(str, content.get("texts", ()))), references, dict(content["options"]), int(content["seed"]),
                float(content["least_score"]), bool(content["annotated"]),
                None if images is None else tuple(map(int, images)),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError, MaskError) as error:
            raise PrelabelError(f"The request of a pre-labelling job cannot be read ({error}).") from error


def _names_regions(spec: EngineSpec) -> bool:
    return {Capability.EVERYTHING, Capability.VOCABULARY} <= spec.capabilities


def looks_at_once(request: PrelabelRequest, spec: EngineSpec) -> bool:
    """Whether the engine looks for all classes in one go; else it is asked for each by its name."""
    return request.classes is not None and _names_regions(spec)
