"""Captions of scenes for training, and referring expressions with exactly one answer for evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from tests.toyworld.scenes import COLOURS, SHAPES, TEXTURES, Look, Scene, Thing

APART = 0.12
"""Least distance, as a share of the side, at which a relation such as "left of" is said."""

TEMPLATES = (
    "a photo of a {}.",
    "itap of a {}.",
    "a bad photo of a {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
    "a photo of many {}.",
    "a photo of {}s.",
)
"""Frames that engines put round a class name; the toy CLIP has met them."""

_OTHERS = (
    "thing background left right top bottom above below of on the a an and next to large small "
    "photo itap bad origami in video game art many"
)
WORDS = tuple(
    sorted(
        {
            *COLOURS,
            *SHAPES,
            *(f"{shape}{'es' if shape == 'cross' else 's'}" for shape in SHAPES),
            "crosss",  # what "{}s" makes of it
            *TEXTURES[1:],
            *_OTHERS.split(),
        }
    )
)
"""Every word of the toy world: each is one token."""

Kind: TypeAlias = Literal["look", "position", "relation"]
Side: TypeAlias = Literal["left", "right", "top", "bottom"]
RELATIONS: dict[str, tuple[int, int]] = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}
"""Which way from the other thing, (x, y)."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A text that means exactly one thing of a scene: the one at ``target``."""

    text: str
    target: int
    kind: Kind


def name(look: Look, texture: bool = True) -> str:
    """ "red striped circle"."""
    words = (look.colour, look.texture if texture else "", look.shape)
    return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class Noun:
    """A word of a caption, counted from 0, and the things it can mean by the words with it."""

    word: int
    things: tuple[int, ...]


def caption(rng: np.random.Generator, scene: Scene, all_things: float = 0.6) -> str:
    """A true caption: of all things with the given probability, else of some; with places and relations at times."""
    return caption_with_nouns(rng, scene, all_things)[0]


def caption_with_nouns(rng: np.random.Generator, scene: Scene, all_things: float = 0.6) -> tuple[str, tuple[Noun, ...]]:
    """As :func:`caption`, with its nouns."""
    count = len(scene.things)
    wanted = count if rng.random() < all_things else int(rng.integers(1, count + 1))
    order = [int(i) for i in rng.permutation(count)[:wanted]]
    joint = "and"
    mentions = [_mention(rng, scene, index) for index in order]
    if len(order) == 2 and rng.random() < 0.5:
        relation = relation_between(scene, order[0], order[1])
        if relation:
            joint = f"{relation} the"
            mentions = [name(scene.things[i].look, rng.random() < 0.7) for i in order]
    nouns: list[Noun] = []
    words: list[str] = []
    for mention in mentions:
        words += joint.split() if words else []
        said = mention.split()
        at = next(place for place, word in enumerate(said) if word == "thing" or word in SHAPES)
        nouns.append(Noun(len(words) + at, _fitting(scene, said)))
        words += said
    return " ".join(words), tuple(nouns)


def _fitting(scene: Scene, said: list[str]) -> tuple[int, ...]:
    """The things that have every colour and shape that is said."""
    named = {word for word in said if word in COLOURS or word in SHAPES}
    return tuple(i for i, thing in enumerate(scene.things) if named <= {thing.look.colour, thing.look.shape})


def relation_between(scene: Scene, one: int, other: int) -> str:
    """How thing ``one`` lies to ``other``, or "" when neither way is clear."""
    a, b = scene.things[one], scene.things[other]
    dx, dy = a.x - b.x, a.y - b.y
    if max(abs(dx), abs(dy)) < APART * scene.size:
        return ""
    if abs(dx) > abs(dy):
        return "left of" if dx < 0 else "right of"
    return "above" if dy < 0 else "below"


def expressions(scene: Scene) -> list[Expression]:
    """All ways to say what is meant: by look alone, by a word of position among twins, by the relation to another."""
    found: list[Expression] = []
    for index, thing in enumerate(scene.things):
        same = [other for other in scene.things if other.look == thing.look]
        alike = [other for other in scene.things if _short(other) == _short(thing)]
        if len(alike) == 1:
            found.append(Expression(name(thing.look, texture=False), index, "look"))
        elif len(same) == 2 == len(alike):
            text = name(thing.look, texture=False)
            other = next(i for i, each in enumerate(scene.things) if each in same and i != index)
            found += [Expression(f"{side} {text}", index, "position") for side in _sides(scene, index, other)]
            found += _related(scene, index, other)
    return found


def _related(scene: Scene, index: int, twin: int) -> list[Expression]:
    """ "red circle left of the blue square", where that is true of only one of two red circles."""
    found: list[Expression] = []
    text = name(scene.things[index].look, texture=False)
    for other, thing in enumerate(scene.things):
        if other in (index, twin) or sum(_short(each) == _short(thing) for each in scene.things) > 1:
            continue
        found += [
            Expression(f"{text} {relation} the {name(thing.look, False)}", index, "relation")
            for relation in RELATIONS
            if _holds(scene, relation, index, other, APART) and not _holds(scene, relation, twin, other, 0)
        ]
    return found


def _holds(scene: Scene, relation: str, one: int, other: int, margin: float) -> bool:
    a, b, (x, y) = scene.things[one], scene.things[other], RELATIONS[relation]
    return bool((a.x - b.x) * x + (a.y - b.y) * y > margin * scene.size)


def _sides(scene: Scene, one: int, other: int) -> list[Side]:
    """Which of two twins it is: clear in a direction from a quarter of the side on."""
    a, b, clear = scene.things[one], scene.things[other], scene.size / 4
    sides: list[Side] = []
    if abs(a.x - b.x) > clear:
        sides.append("left" if a.x < b.x else "right")
    if abs(a.y - b.y) > clear:
        sides.append("top" if a.y < b.y else "bottom")
    return sides


def _short(thing: Thing) -> tuple[str, str]:
    return thing.look.colour, thing.look.shape


def _mention(rng: np.random.Generator, scene: Scene, index: int) -> str:
    """One thing in words: mostly colour and shape, at times with texture, place or article, or only one of them."""
    thing = scene.things[index]
    chance = rng.random()
    if chance < 0.1:
        text = f"{thing.look.colour} thing"
    elif chance < 0.2:
        text = thing.look.shape
    else:
        text = name(thing.look, rng.random() < 0.7)
    place = _place(thing, scene.size)
    if place and rng.random() < 0.25:
        return f"{place} {text}" if rng.random() < 0.6 else f"{text} on the {place}"
    return f"{rng.choice(['a', 'the'])} {text}" if rng.random() < 0.25 else text


def _place(thing: Thing, size: int) -> Side | None:
    x, y = thing.x / size - 0.5, thing.y / size - 0.5
    if max(abs(x), abs(y)) < 0.1:
        return None
    if abs(x) > abs(y):
        return "left" if x < 0 else "right"
    return "top" if y < 0 else "bottom"
