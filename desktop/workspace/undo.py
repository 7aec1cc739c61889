"""Changing the data set: every change is a step that is applied here, stored, and can be undone (ux.md §10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from PySide6.QtCore import QObject

from desktop.dataset import changes as c
from desktop.dataset.changes import Change
from desktop.dataset.errors import DatasetError
from desktop.dataset.history import Histories, History, Step
from desktop.dataset.model import Category, Image, ImageState, Instance
from desktop.dataset.store import SaveState, SaveStatus
from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.base import WorkspaceBase
from desktop.workspace.link import InferenceLink
from desktop.workspace.values import HistoryEntry, Notice, NoticeAction, Saved, SavedState, Severity


class Undoing(WorkspaceBase):
    """Steps, histories per image, and what the status bar says about saving."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._histories = Histories()
        self._saved = Saved()
        self._store_told.connect(self._store_state)

    @property
    def _history(self) -> History:
        return self._histories.of_image(self._image.id if self._image is not None else 0)

    @property
    def author(self) -> str:
        """The name that instances, edits, reviews and comments get; empty when the person gave none."""
        return self.settings.text("general.author")

    @property
    def categories(self) -> Sequence[Category]:
        """In list order (digits follow it)."""
        return self.storage.categories

    # -- making steps --------------------------------------------------------------------------------------------

    def _ready_to_change(self) -> bool:
        """True when changes can be stored; a browsed folder gets its project file now."""
        if self.read_only:
            self.notice(self.read_only)
            return False
        if self.storage.project is None and self.storage.future_path is None:
            self.notice(self.tr("Open images or a project first."))
            return False
        try:
            if self.storage.materialise():
                self._watch_saving()
                self.project_changed.emit()
        except DatasetError as error:
            action = NoticeAction(self.tr("Save elsewhere…"), self.save_elsewhere_requested.emit)
            text = self.tr("Not saved: {reason} Nothing is lost yet.").format(reason=error)
            self.raise_notice(Notice(text, Severity.ERROR, (action,), repr(error)))
            return False
        return True

    def ensure_project(self) -> bool:
        """Make sure that there is a project with all images in it (before an import or export)."""
        if not self._ready_to_change():
            return False
        self.storage.apply(())
        return True

    def save_elsewhere(self, path: Path) -> None:
        """Keep the annotations of the browsed folder in the project file ``path``."""
        self.storage.choose_path(path)
        if self._image is not None:
            # its path is now told from the new folder
            self._image = self.storage.image(self._image.id)
        self._ready_to_change()

    def _commit(self, step: Step) -> bool:
        """Apply a new step and remember it; False (with a sentence on screen) when it cannot be."""
        if not (step.forward or step.payload) or not self._ready_to_change():
            return False
        if not self._apply(step.forward):
            return False
        self._history.push(step)
        self.history_changed.emit()
        return True

    def _change_instances(
        self,
        name: str,
        changed: Iterable[Instance],
        removed: Iterable[Instance] = (),
        payload: object = None,
        also: tuple[tuple[Change, ...], tuple[Change, ...]] = ((), ()),
    ) -> bool:
        """One step on the current image: write ``changed`` (new or known ids) and take ``removed`` away.

        ``also`` is what else belongs to the step, there and back.
        """
        image = self._image
        if image is None:
            return False
        now, who = timestamp(), self.author
        before, after = list(removed), []
        for instance in changed:
            known = self._instances.get(instance.id)
            if known is not None:
                if known == instance:
                    continue
                before.append(known)
            # an engine that is asked again makes the mask anew; anything else that changes pixels is a person's hand
            after.append(stamped(instance, known, who, now, by_hand=payload is None))
        if not before and not after:
            return False
        # an open session weighs about its prompts and one low-resolution answer
        step = Step.of_instances(name, before, after, payload, 500_000 if payload is not None else 0)
        left = len(self._instances) + len(after) - len(before)
        state = self._state_with(image.state, left)
        if state is not image.state:
            there = (c.ReplaceImages((replace(image, state=state, editor=who, changed=now),)),)
            back = (c.ReplaceImages((image,)),)
            step = replace(step, forward=step.forward + there, backward=step.backward + back)
        step = replace(step, forward=step.forward + also[0], backward=step.backward + also[1])
        return self._commit(step)

    @staticmethod
    def _state_with(state: ImageState, instances: int) -> ImageState:
        """The first instance makes an empty image a draft; the last one gone makes a draft empty again."""
        if instances and state is ImageState.EMPTY:
            return ImageState.DRAFT
        if not instances and state is ImageState.DRAFT:
            return ImageState.EMPTY
        return state

    def _apply(self, changes: Sequence[Change]) -> bool:
        """Make changes true: in the store and in what is shown. False when the store refuses."""
        if not changes:
            return True
        try:
            self.storage.apply(changes)
        except DatasetError as error:
            self.problem(str(error))
            return False
        self._show_changes(changes)
        return True

    def _show_changes(self, changes: Iterable[Change]) -> None:
        image_id = self._image.id if self._image is not None else 0
        touched: set[int] = set()
        classes = False
        for change in changes:
            match change:
                case c.AddInstances(instances) | c.ReplaceInstances(instances):
                    here = {i.id: i for i in instances if i.image_id == image_id}
                    self._instances.update(here)
                    touched |= here.keys()
                case c.DeleteInstances(ids):
                    touched |= self._instances.keys() & set(ids)
                    for gone in ids:
                        self._instances.pop(gone, None)
                case c.AddCategories() | c.ReplaceCategory() | c.DeleteCategory():
                    classes = True
                case c.ReplaceImages(images):
                    for image in images:
                        self._show_image(image)
                case _:
                    continue
        if classes:
            # a deleted class leaves unlabelled instances behind: read what the store says now
            self._instances = self.storage.instances(image_id)
            known = [category.id for category in self.categories]
            if self._current_category not in known:
                self._current_category = known[0] if known else None
                self.current_category_changed.emit()
            touched = set(self._instances)
        if touched:
            self._instances = dict(sorted(self._instances.items(), key=lambda item: (item[1].z_order, item[0])))
        kept = tuple(i for i in self._selection if i in self._instances)
        selection_changed = kept != self._selection
        self._selection = kept
        if touched or classes:
            self.instances_changed.emit(frozenset(touched))
            self.categories_changed.emit()
        if selection_changed:
            self.selection_changed.emit()

    def _show_image(self, image: Image) -> None:
        if self._image is not None and image.id == self._image.id:
            self._image = image
        self.image_state_changed.emit(image.id)

    # -- undo and redo of steps ----------------------------------------------------------------------------------

    def _undo_step(self) -> Step | None:
        """Take the last step back; returns it, None when there is none."""
        if self.read_only:
            return None
        step = self._history.undo()
        if step is not None:
            self._apply(step.backward)
            self.history_changed.emit()
        return step

    def _redo_step(self) -> Step | None:
        if self.read_only:
            return None
        step = self._history.redo()
        if step is not None:
            self._apply(step.forward)
            self.history_changed.emit()
        return step

    def history(self) -> Sequence[HistoryEntry]:
        """The steps of the current image, oldest first."""
        steps = self._history
        return [HistoryEntry(step.name, place < steps.position) for place, step in enumerate(steps.steps)]

    # -- saving --------------------------------------------------------------------------------------------------

    @property
    def saved(self) -> Saved:
        """For the status bar."""
        return self._saved

    def _watch_saving(self) -> None:
        """Listen to the project's writer; its thread only emits a signal, which Qt queues to this thread."""
        project = self.storage.project
        self._saved = Saved()
        if project is not None:
            project.on_saved(self._store_told.emit)
        self.saved_changed.emit()

    def _store_state(self, state: SaveState) -> None:
        before = self._saved
        if state.status is SaveStatus.SAVED:
            when = state.at.astimezone() if state.at is not None else datetime.now().astimezone()
            self._saved = Saved(SavedState.SAVED, when)
        elif state.status is SaveStatus.PENDING:
            self._saved = Saved(SavedState.SAVING, before.when)
        else:
            self._saved = Saved(SavedState.UNSAVED, before.when, state.sentence)
            if before.reason != state.sentence:
                retry = NoticeAction(self.tr("Retry"), self.save_now)
                elsewhere = NoticeAction(self.tr("Save elsewhere…"), self.save_elsewhere_requested.emit)
                self.raise_notice(Notice(state.sentence, Severity.ERROR, (retry, elsewhere)))
        self.saved_changed.emit()

    def save_now(self) -> None:
        """Everything is saved within a second anyway; this writes now and says so."""
        project = self.storage.project
        if project is None:
            self.notice(self.tr("Nothing to save: nothing was changed yet."))
            return
        state = project.flush(timeout=2.0)
        self._store_state(state)
        if state.status is SaveStatus.SAVED:
            self.notice(self.tr("Saved."))


def timestamp() -> str:
    """Now, ISO 8601 UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


@cache
def program_version() -> str:
    """The version of Maskwright whose engines answer; empty in a tree that is not installed."""
    try:
        return version("maskwright")
    except PackageNotFoundError:
        return ""


def stamped(instance: Instance, known: Instance | None, who: str, now: str, *, by_hand: bool) -> Instance:
    """An instance with who made or changed it, and when. ``known`` is its value before, None for a new one.

    Review, comments, lock and order are no edits. ``by_hand``: changed pixels count as an edit of the mask.
    """
    made = instance.provenance
    if known is None:
        made = replace(made, created=made.created or now, edited=now, author=who or made.author)
    elif _content(instance) != _content(known):
        redrawn = by_hand and instance.mask != known.mask
        made = replace(made, edited=now, editor=who, mask_edits=made.mask_edits + redrawn)
    return replace(instance, provenance=made)


def _content(instance: Instance) -> tuple[object, ...]:
    return (instance.mask, instance.category_id, dict(instance.attributes), instance.is_crowd, instance.provenance)
