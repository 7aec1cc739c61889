"""Reviewing: what a decision makes of an instance or image, and in which order items come (ux.md §17). Qt-free."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from desktop.dataset.masks import Mask
from desktop.dataset.model import Comment, ImageState, Instance, ReviewState
from desktop.dataset.store import Project

STATE_OF_IMAGE = {
    ImageState.DRAFT: ReviewState.DRAFT,
    ImageState.DONE: ReviewState.DONE,
    ImageState.REVIEWED: ReviewState.REVIEWED,
    ImageState.REJECTED: ReviewState.NEEDS_WORK,
}
"""How far an image is, in the words for instances; images that nobody worked on, or
that cannot be read, are not reviewed."""


def state_word(state: ImageState) -> str:
    """What the state of an image is called: one that was sent back *needs work*, as an instance does."""
    return ReviewState.NEEDS_WORK.value if state is ImageState.REJECTED else state.value


# decisions


def finished(instances: Iterable[Instance], _who: str, _now: str) -> list[Instance]:
    """What finishing an image changes: its drafts are done, and so is what was sent back and is right now."""
    open_states = (ReviewState.DRAFT, ReviewState.NEEDS_WORK)
    return [replace(instance, review=ReviewState.DONE) for instance in instances if instance.review in open_states]


def passed(instances: Iterable[Instance], who: str, now: str) -> list[Instance]:
    """What approving a whole image changes: all its instances are reviewed."""
    return [approved(i, who, now) for i in instances if i.review is not ReviewState.REVIEWED]


def approved(instance: Instance, who: str, now: str, found: Mask | None = None) -> Instance:
    """Reviewed by ``who``. ``found`` is the mask as the review found it, kept where the review changed it."""
    changed = found is not None and found != instance.mask
    return replace(instance, review=ReviewState.REVIEWED, reviewer=who, reviewed=now, found=found if changed else None)


def sent_back(instance: Instance, who: str, now: str, text: str, found: Mask | None = None) -> Instance:
    """Needs work, for the reason in ``text``. The mask as the review found it is kept, so that the next review can show
    what changed since."""
    return replace(
        instance,
        review=ReviewState.NEEDS_WORK,
        reviewer=who,
        reviewed=now,
        comments=(*instance.comments, Comment(text, who, now)),
        found=found if found is not None else instance.mask,
    )


# the order of items


class Unit(StrEnum):
    """What is looked at one by one."""

    INSTANCE = "instance"
    IMAGE = "image"


class Order(StrEnum):
    """Which items come first. ``RANDOM`` takes a sample and shows it image by image."""

    RANDOM = "random"
    SCORE = "score"
    DOUBT = "uncertainty"
    CLASS = "class"
    ANNOTATOR = "annotator"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class ReviewPlan:
    """What to review. ``size`` 0 takes everything; ``seed`` decides the random sample; an empty ``annotator`` and no
    ``category_id`` are no condition."""

    unit: Unit = Unit.INSTANCE
    order: Order = Order.RANDOM
    states: frozenset[ReviewState] = frozenset({ReviewState.DRAFT, ReviewState.DONE})
    size: int = 40
    seed: int = 0
    category_id: int | None = None
    annotator: str = ""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One thing to look at: an instance, or a whole image (``instance_id`` None)."""

    image_id: int
    instance_id: int | None = None


def annotators(project: Project) -> list[str]:
    """The names of those who made or changed instances, sorted."""
    with project.reading() as connection:
        names = connection.execute("SELECT author FROM instances UNION SELECT editor FROM instances").fetchall()
    return sorted(name for (name,) in names if name)


def review_items(project: Project, plan: ReviewPlan) -> list[ReviewItem]:
    """The items of a plan in their order."""
    doubts = project.doubts()
    with project.reading() as connection:
        if plan.unit is Unit.INSTANCE:
            items = _instances(connection, project, plan, doubts)
        else:
            items = _images(connection, project, plan, doubts)
    if plan.order is Order.RANDOM:
        return _sampled(items, plan)
    return items[: plan.size] if plan.size else items


def _sampled(items: Sequence[ReviewItem], plan: ReviewPlan) -> list[ReviewItem]:
    """A sample that only the seed and the items decide. It stays in the order of the images: those are slow to change,
    and which were taken is what must be random."""
    if not plan.size or plan.size >= len(items):
        return list(items)
    chosen = random.Random(plan.seed).sample(range(len(items)), plan.size)
    return [items[i] for i in sorted(chosen)]


_ORDER_BY = {
    Order.RANDOM: "image_id, instances.id",
    Order.IMAGE: "image_id, z_order, instances.id",
    Order.SCORE: "score IS NULL, score, instances.id",
    Order.DOUBT: "score IS NULL OR mask_edits > 0, score, instances.id",
    Order.CLASS: "ifnull(position, 1e9), category_id, image_id, instances.id",
    Order.ANNOTATOR: "author, image_id, instances.id",
}


def _instances(
    connection: sqlite3.Connection, project: Project, plan: ReviewPlan, doubts: dict[int, float]
) -> list[ReviewItem]:
    where, parameters = _condition(plan)
    marks = ", ".join("?" * len(plan.states))
    query = (
        "SELECT image_id, instances.id FROM instances LEFT JOIN categories ON categories.id = category_id "
        f"WHERE review IN ({marks}){where} ORDER BY {_ORDER_BY[plan.order]}"
    )
    rows = connection.execute(query, [*sorted(plan.states), *parameters]).fetchall()
    known = {image.id for image in project.images()}
    items = [ReviewItem(image_id, instance_id) for image_id, instance_id in rows if image_id in known]
    if plan.order is Order.DOUBT:
        # image by image, the most doubtful first; inside an image the lowest score comes first already
        items.sort(key=lambda item: (-doubts.get(item.image_id, -1.0), item.image_id))
    return items


def _images(
    connection: sqlite3.Connection, project: Project, plan: ReviewPlan, doubts: dict[int, float]
) -> list[ReviewItem]:
    images = [image for image in project.images() if STATE_OF_IMAGE.get(image.state) in plan.states]
    where, parameters = _condition(plan)
    if where:
        query = f"SELECT DISTINCT image_id FROM instances WHERE 1{where}"
        having = {row[0] for row in connection.execute(query, parameters)}
        images = [image for image in images if image.id in having]
    if plan.order is Order.DOUBT:
        images.sort(key=lambda image: -doubts.get(image.id, -1.0))
    elif plan.order in (Order.SCORE, Order.CLASS, Order.ANNOTATOR):
        first = _first_of_images(connection, plan.order)
        last = (1, "") if plan.order is Order.ANNOTATOR else (1, 0)
        images.sort(key=lambda image: (0, first[image.id]) if image.id in first else last)
    else:
        images.sort(key=lambda image: image.id)
    return [ReviewItem(image.id) for image in images]


def _first_of_images(connection: sqlite3.Connection, order: Order) -> dict[int, str | float]:
    """By image what it is sorted by: its lowest score, its first class in the list, its first annotator."""
    what = {Order.SCORE: "min(score)", Order.CLASS: "min(position)", Order.ANNOTATOR: "min(author)"}[order]
    query = (
        f"SELECT image_id, {what} FROM instances LEFT JOIN categories ON categories.id = category_id GROUP BY image_id"
    )
    return {image_id: value for image_id, value in connection.execute(query) if value is not None}


def _condition(plan: ReviewPlan) -> tuple[str, list[object]]:
    where, parameters = "", list[object]()
    if plan.category_id is not None:
        where += " AND category_id = ?"
        parameters.append(plan.category_id)
    if plan.annotator:
        where += " AND (author = ? OR editor = ?)"
        parameters += [plan.annotator, plan.annotator]
    return where, parameters
