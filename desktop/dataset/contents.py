"""What a project holds, as readers see it: the rows of its file with the changes that are not written yet over them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from desktop.dataset import changes as c
from desktop.dataset import rows
from desktop.dataset.changes import Change
from desktop.dataset.counts import InstanceCounts
from desktop.dataset.errors import UnknownItem
from desktop.dataset.model import Category, Image, Instance
from desktop.dataset.overlay import InstanceOverlay
from desktop.dataset.project_file import damage_named
from desktop.dataset.waiting import WaitingProposals


class Contents:
    """Reads through ``connection``, which only reads. Public methods may be called from any thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Raises :class:`ProjectDamaged` for what cannot be read."""
        self.path = path
        self._connection = connection
        self._guard = threading.RLock()
        self._overlay = InstanceOverlay()
        self._waiting = WaitingProposals(connection)
        self._number = 0
        self._counts: InstanceCounts | None = None
        with damage_named(f"in {path.name}"):
            self._images = rows.read_images(connection)
            self._categories = rows.read_categories(connection)
            self._settings = rows.read_settings(connection)
            self._text_prompts = rows.read_text_prompts(connection)
            self._references = rows.read_references(connection)
            self._jobs = rows.read_jobs(connection)
            self._last_ids = rows.last_ids(connection)

    @property
    def folder(self) -> Path:
        """The folder that image paths are relative to."""
        return self.path.parent

    @property
    def name(self) -> str:
        return self.path.stem

    # reading

    def images(self) -> tuple[Image, ...]:
        """All images in the order they were added."""
        with self._guard:
            return tuple(self._images.values())

    def image(self, image_id: int) -> Image:
        """Raises :class:`UnknownItem`."""
        with self._guard:
            return _known(self._images, image_id, "image")

    def image_path(self, image: Image | int) -> Path:
        """The absolute path of an image's file (which may be missing)."""
        found = self.image(image) if isinstance(image, int) else image
        return self.folder / found.path

    def stored_path(self, file: Path | str) -> str:
        """How a file is written in the project: relative to its folder where possible, with forward slashes."""
        absolute = Path(file).absolute()
        try:
            return absolute.relative_to(self.folder).as_posix()
        except ValueError:
            return absolute.as_posix()

    def categories(self) -> tuple[Category, ...]:
        """All classes in the order of the list."""
        with self._guard:
            return tuple(sorted(self._categories.values(), key=lambda category: (category.position, category.id)))

    def category(self, category_id: int) -> Category:
        """Raises :class:`UnknownItem`."""
        with self._guard:
            return _known(self._categories, category_id, "class")

    def instances(self, image_id: int) -> tuple[Instance, ...]:
        """The instances of one image from back to front (z-order, then id). Raises :class:`UnknownItem`."""
        name = self.image(image_id).path
        found = self._read("image_id = ?", (image_id,), name, lambda instance: instance.image_id == image_id)
        return tuple(sorted(found, key=lambda instance: (instance.z_order, instance.id)))

    def instance(self, instance_id: int) -> Instance:
        """Raises :class:`UnknownItem`."""
        found = self._read("id = ?", (instance_id,), self.path.name, lambda instance: instance.id == instance_id)
        if not found:
            raise UnknownItem(f"There is no instance {instance_id} in the project.")
        return found[0]

    def all_instances(self, category_id: int | None = None) -> tuple[Instance, ...]:
        """Every instance of the project, or of one class, by image and id. Large: prefer :meth:`instances`."""
        if category_id is None:
            found = self._read("", (), self.path.name, lambda _: True)
        else:
            found = self._read(
                "category_id = ?", (category_id,), self.path.name, lambda instance: instance.category_id == category_id
            )
        return tuple(sorted(found, key=lambda instance: (instance.image_id, instance.id)))

    def _read(
        self, where: str, parameters: tuple[object, ...], what: str, wanted: Callable[[Instance], bool]
    ) -> list[Instance]:
        with self._guard:
            waiting = self._overlay.snapshot()
            with damage_named(f"for {what}"):
                stored = [i for i in rows.read_instances(self._connection, where, parameters) if i.id not in waiting]
            stored.extend(value for value in waiting.values() if value is not None and wanted(value))
            # rows of deleted images or classes may still wait to be removed
            return [self._current(i) for i in stored if i.image_id in self._images]

    def _current(self, instance: Instance) -> Instance:
        if instance.category_id is None or instance.category_id in self._categories:
            return instance
        return _unlabelled(instance)

    def counts_by_category(self, image_id: int | None = None) -> dict[int | None, int]:
        """Instances per class (None: unlabelled) in the project, or in one image."""
        with self._guard:
            return self._loaded_counts().by_category(image_id)

    def counts_by_image(self) -> dict[int, int]:
        """Instances per image, for images that have any."""
        with self._guard:
            return self._loaded_counts().by_image()

    def images_with(self, category_id: int | None) -> set[int]:
        """Ids of the images that have an instance of a class (None: an unlabelled one)."""
        with self._guard:
            return self._loaded_counts().images_with(category_id)

    def doubts(self) -> dict[int, float]:
        """How doubtful images are, in [0, 1], for those that have a score: 1 less the lowest score of an instance that
        waits for review with the pixels its engine gave it, or of a proposal."""
        with self._guard:
            waiting, proposed = self._overlay.snapshot(), self._waiting.snapshot()
            with damage_named(f"in {self.path.name}"):
                scores = rows.read_lowest_scores(self._connection, waiting, proposed)
            for proposal in proposed.values():
                if proposal is not None:
                    scores[proposal.image_id] = min(scores.get(proposal.image_id, 1.0), proposal.score)
            for value in waiting.values():
                if value is not None and value.is_doubtful and value.provenance.score is not None:
                    scores[value.image_id] = min(scores.get(value.image_id, 1.0), value.provenance.score)
            return {i: min(max(1.0 - score, 0.0), 1.0) for i, score in scores.items() if i in self._images}

    def _loaded_counts(self) -> InstanceCounts:
        if self._counts is None:
            waiting = self._overlay.snapshot()
            with damage_named(f"in {self.path.name}"):
                self._counts = InstanceCounts.read(self._connection, waiting, self._images, self._categories)
        return self._counts

    def text_prompts(self) -> tuple[c.TextPrompt, ...]:
        """The text-prompt history, latest first."""
        with self._guard:
            return tuple(reversed(self._text_prompts.values()))

    def references(self) -> tuple[c.StoredReference, ...]:
        with self._guard:
            return tuple(kept for kept in self._references.values() if kept.image_id in self._images)

    def jobs(self) -> tuple[c.Job, ...]:
        with self._guard:
            return tuple(self._jobs.values())

    def proposals(self, image_id: int) -> tuple[c.StoredProposal, ...]:
        """What waits for review on one image, by id. Raises :class:`UnknownItem`."""
        name = self.image(image_id).path
        with self._guard, damage_named(f"for {name}"):
            return tuple(self._waiting.of_image(image_id))

    def proposal_counts(self) -> dict[int, int]:
        """Waiting proposals per image that has any."""
        with self._guard, damage_named(f"in {self.path.name}"):
            # rows of deleted images may still wait to be removed
            return {i: number for i, number in self._waiting.counts().items() if i in self._images}

    def done(self, job_id: int) -> dict[int, c.MarkDone]:
        """What a job said about the images that it is through with, by image id."""
        with self._guard, damage_named(f"in {self.path.name}"):
            return self._waiting.done(job_id)

    def setting(self, key: str, default: str = "") -> str:
        with self._guard:
            return self._settings.get(key, default)

    # ids

    def reserve_image_id(self) -> int:
        """A new id that no image ever had; the same for the other kinds below."""
        return self._reserve("images")

    def reserve_instance_id(self) -> int:
        return self._reserve("instances")

    def reserve_category_id(self) -> int:
        return self._reserve("categories")

    def reserve_reference_id(self) -> int:
        return self._reserve("references")

    def reserve_job_id(self) -> int:
        return self._reserve("jobs")

    def reserve_proposal_id(self) -> int:
        return self._reserve("proposals")

    def _reserve(self, table: str) -> int:
        with self._guard:
            self._last_ids[table] = self._last_ids.get(table, 0) + 1
            return self._last_ids[table]

    # taking changes, with the guard held

    def _check(self, changes: tuple[Change, ...]) -> None:
        images, categories = set[int](), set[int]()
        for change in changes:
            if isinstance(change, c.AddImages):
                images.update(image.id for image in change.images)
            elif isinstance(change, c.AddCategories):
                categories.update(category.id for category in change.categories)
            elif isinstance(change, c.AddInstances | c.ReplaceInstances):
                for instance in change.instances:
                    if instance.image_id not in images:
                        _known(self._images, instance.image_id, "image")
                    if instance.category_id is not None and instance.category_id not in categories:
                        _known(self._categories, instance.category_id, "class")
            elif isinstance(change, c.ReplaceImages):
                for image in change.images:
                    _known(self._images, image.id, "image")
            elif isinstance(change, c.ReplaceCategory):
                _known(self._categories, change.category.id, "class")
            elif isinstance(change, c.PutReference) and change.reference.image_id not in images:
                _known(self._images, change.reference.image_id, "image")
            elif isinstance(change, c.AddProposals):
                for image_id in {proposal.image_id for proposal in change.proposals} - images:
                    _known(self._images, image_id, "image")
            elif isinstance(change, c.MarkDone):
                _known(self._images, change.image_id, "image")
                _known(self._jobs, change.job_id, "job")

    def _take(self, change: Change) -> None:
        """Show one change to readers."""
        match change:
            case c.AddImages(images) | c.ReplaceImages(images):
                self._images.update((image.id, image) for image in images)
                self._seen("images", (image.id for image in images))
            case c.DeleteImages(image_ids):
                for image_id in image_ids:
                    self._images.pop(image_id, None)
                for instance_id, value in self._overlay.snapshot().items():
                    if value is not None and value.image_id in image_ids:
                        self._overlay.put(self._number, instance_id, None)
                self._waiting.forget_images(image_ids)
                self._counts = None
            case c.AddInstances(instances) | c.ReplaceInstances(instances):
                self._recount([instance.id for instance in instances], instances)
                for instance in instances:
                    self._overlay.put(self._number, instance.id, instance)
                self._seen("instances", (instance.id for instance in instances))
            case c.DeleteInstances(instance_ids):
                self._recount(instance_ids, ())
                for instance_id in instance_ids:
                    self._overlay.put(self._number, instance_id, None)
            case c.AddCategories(categories):
                self._categories.update((category.id, category) for category in categories)
                self._seen("categories", (category.id for category in categories))
            case c.ReplaceCategory(category):
                self._categories[category.id] = category
            case c.DeleteCategory(category_id):
                self._categories.pop(category_id, None)
                for instance_id, value in self._overlay.snapshot().items():
                    if value is not None and value.category_id == category_id:
                        self._overlay.put(self._number, instance_id, _unlabelled(value))
                self._counts = None
            case c.AddTextPrompt(text, positive, used):
                before = self._text_prompts.pop((text, positive), None)
                times = before.times + 1 if before else 1
                self._text_prompts[text, positive] = c.TextPrompt(text, positive, used, times)
            case c.ClearTextPrompts():
                self._text_prompts.clear()
            case c.PutReference(reference):
                self._references[reference.id] = reference
                self._seen("references", (reference.id,))
            case c.DeleteReference(reference_id):
                self._references.pop(reference_id, None)
            case c.PutJob(job):
                self._jobs[job.id] = job
                self._seen("jobs", (job.id,))
            case c.DeleteJob(job_id):
                self._jobs.pop(job_id, None)
            case c.AddProposals(proposals):
                self._waiting.take(self._number, change)
                self._seen("proposals", (proposal.id for proposal in proposals))
            case c.DeleteProposals() | c.MarkDone():
                self._waiting.take(self._number, change)
            case c.PutSetting(key, None):
                self._settings.pop(key, None)
            case c.PutSetting(key, str(value)):
                self._settings[key] = value

    def _seen(self, table: str, ids: Iterable[int]) -> None:
        self._last_ids[table] = max(self._last_ids.get(table, 0), *ids, 0)

    def _recount(self, ids: Iterable[int], instances: Iterable[Instance]) -> None:
        """Keep the counts right without reading the whole table again."""
        if self._counts is None:
            return
        old = [self._overlay.get(i) for i in ids if i in self._overlay]
        places = rows.read_places(self._connection, [i for i in ids if i not in self._overlay])
        for image_id, category_id in places.values():
            self._counts.add(image_id, category_id if category_id in self._categories else None, -1)
        for value in old:
            if value is not None:
                self._counts.add(value.image_id, value.category_id, -1)
        for instance in instances:
            self._counts.add(instance.image_id, instance.category_id, 1)


_T = TypeVar("_T")


def _known(table: dict[int, _T], key: int, what: str) -> _T:
    try:
        return table[key]
    except KeyError:
        raise UnknownItem(f"There is no {what} {key} in the project.") from None


def _unlabelled(instance: Instance) -> Instance:
    return replace(instance, category_id=None)
