"""The things that a project holds and a format may not, by the words that the screen has for them."""

from __future__ import annotations

from enum import StrEnum


class Trait(StrEnum):
    """Something that a project holds and a format may not; the value is what it is called on screen."""

    SEPARATE = "separate instances"
    STUFF_PIECES = "separate instances of stuff"
    INSTANCE_IDS = "instance ids"
    CLASS_IDS = "class ids"
    COLOURS = "class colours"
    KINDS = "stuff and thing"
    PARENTS = "parents of classes"
    UNUSED_CLASSES = "classes without instances"
    OVERLAPS = "overlaps"
    Z_ORDER = "z-order"
    HOLES = "holes and parts as such"
    CROWDS = "crowds"
    ATTRIBUTES = "attributes"
    SCORES = "scores"
    COMMENTS = "review states and comments"
    SOURCES = "engine and prompts of a mask"


EVERYTHING = frozenset(Trait) - {Trait.COMMENTS, Trait.SOURCES}
"""What the richest formats keep: review is the project's own affair, and no format has a word for prompts."""
