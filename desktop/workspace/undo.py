"""Changing the data set: every change is a step that is applied here, stored, and can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from PySide6.QtCore import QObject

from desktop.dataset.model import Category, Image, ImageState, Instance
from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.base import WorkspaceBase
from desktop.workspace.link import InferenceLink
from desktop.workspace.steps import Stack, Step
from desktop.workspace.values import HistoryEntry, Notice, NoticeAction, Saved, SavedState, Severity


class Undoing(WorkspaceBase):
    """Steps, stacks per image, and what the status bar says about saving."""

    def __init__(
        self, settings: Settings, inference: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, inference, images, parent)
        self._stacks: dict[int, Stack] = {}
        self._saved = Saved()

    def _stack(self) -> Stack:
        return self._stacks.setdefault(self._image.id if self._image is not None else 0, Stack())

    # -- making steps --------------------------------------------------------------------------------------------

    def _commit(self, step: Step) -> bool:
        """Apply a new step and remember it. False (with a notice) when nothing can be changed."""
        reason = self.read_only
        if reason:
            self.notice(reason)
            return False
        if not self._materialise():
            return False
        step = self._with_image_state(step)
        self._apply(step)
        self._stack().push(step)
        self.history_changed.emit()
        return True

    def _with_image_state(self, step: Step) -> Step:
        """The first instance makes an empty image a draft; the last one gone makes a draft empty again."""
        image = self._image
        if image is None or not step.instances or step.images or step.image_id != image.id:
            return step
        here = set(self._instances)
        for before, after in step.instances:
            pair_image = (after or before).image_id if (after or before) is not None else image.id  # type: ignore[union-attr]
            if pair_image != image.id:
                continue
            if after is None and before is not None:
                here.discard(before.id)
            elif after is not None:
                here.add(after.id)
        if here and image.state is ImageState.EMPTY:
            return replace(step, images=((image, replace(image, state=ImageState.DRAFT)),))
        if not here and image.state is ImageState.DRAFT:
            return replace(step, images=((image, replace(image, state=ImageState.EMPTY)),))
        return step

    def _change_instances(self, name: str, changed: Iterable[Instance], removed: Iterable[Instance] = ()) -> bool:
        """One step that writes ``changed`` (new ones have ids that are not here yet) and takes ``removed`` away."""
        if self._image is None:
            return False
        now = timestamp()
        pairs: list[tuple[Instance | None, Instance | None]] = []
        for after in changed:
            before = self._instances.get(after.id)
            if after == before:
                continue
            provenance = replace(
                after.provenance, edited=now, created=after.provenance.created or now, author=self.settings.text("general.author")
            )
            pairs.append((before, replace(after, provenance=provenance)))
        pairs.extend((before, None) for before in removed)
        return bool(pairs) and self._commit(Step(name, self._image.id, instances=tuple(pairs)))

    def _apply(self, step: Step) -> None:
        """Make the *after* side of a step true: here, in the store, and in what is shown."""
        self.storage.write(step)
        self._set_saved(Saved(SavedState.SAVING, self._saved.when))
        image_id = self._image.id if self._image is not None else 0
        touched = set()
        for before, after in step.instances:
            known = after if after is not None else before
            if known is None or known.image_id != image_id:
                continue
            touched.add(known.id)
            if after is None:
                self._instances.pop(known.id, None)
            else:
                self._instances[known.id] = after
        if touched:
            self._instances = dict(sorted(self._instances.items(), key=lambda item: (item[1].z_order, item[0])))
        if step.categories:
            self.storage.take_categories(step.categories)
            self._current_category = self._valid_category(self._current_category)
        for _, image in step.images:
            self.storage.take_image(image)
            if image.id == image_id:
                self._image = image
            self.image_state_changed.emit(image.id)
        gone = [i for i in self._selection if i not in self._instances]
        if gone:
            self._selection = tuple(i for i in self._selection if i in self._instances)
        if touched or step.categories:
            self.instances_changed.emit(frozenset(touched) if touched else frozenset(self._instances))
            self.categories_changed.emit()
        if gone:
            self.selection_changed.emit()

    def _valid_category(self, category_id: int | None) -> int | None:
        ids = [c.id for c in self.categories]
        return category_id if category_id in ids else (ids[0] if ids else None)

    @property
    def categories(self) -> Sequence[Category]:
        """In list order (digits follow it)."""
        return self.storage.categories

    def _materialise(self) -> bool:
        """Make the project file of a folder that was only browsed: now something is worth keeping."""
        try:
            if self.storage.materialise():
                self.project_changed.emit()
        except OSError as error:
            reason = error.strerror or str(error)
            self.raise_notice(
                Notice(
                    self.tr("Not saved: no project file can be made in this folder ({reason}).").format(reason=reason),
                    Severity.ERROR,
                    (NoticeAction(self.tr("Save elsewhere…"), self._save_elsewhere),),
                    details=repr(error),
                )
            )
            return False
        return True

    def _save_elsewhere(self) -> None:
        self.save_elsewhere_requested.emit()

    def save_elsewhere(self, path: object) -> None:
        """Keep the annotations of the browsed folder in the project file ``path`` (a Path)."""
        self.storage.choose_path(path)
        self._materialise()

    # -- undo and redo of objects --------------------------------------------------------------------------------

    def _undo_step(self) -> Step | None:
        """Take the last step back; returns it, None when there is none."""
        stack = self._stack()
        if not stack.done or self.read_only:
            return None
        step = stack.done.pop()
        stack.undone.append(step)
        if not step.is_empty:
            self._apply(step.reversed())
        self.history_changed.emit()
        return step

    def _redo_step(self) -> Step | None:
        stack = self._stack()
        if not stack.undone or self.read_only:
            return None
        step = stack.undone.pop()
        stack.done.append(step)
        if not step.is_empty:
            self._apply(step)
        self.history_changed.emit()
        return step

    def history(self) -> Sequence[HistoryEntry]:
        """The steps of the current image, oldest first; undone ones after the done ones."""
        stack = self._stack()
        done = [HistoryEntry(step.name, True) for step in stack.done]
        return [*done, *(HistoryEntry(step.name, False) for step in reversed(stack.undone))]

    # -- saving --------------------------------------------------------------------------------------------------

    @property
    def saved(self) -> Saved:
        return self._saved

    def _set_saved(self, saved: Saved) -> None:
        self._saved = saved
        self.saved_changed.emit()

    def save_now(self) -> None:
        """Wait for nothing: ask the writer to flush; the status bar tells when it is done."""
        self.storage.flush_soon()

    def _poll_saving(self) -> None:
        """Look whether the writer thread is done (called by a timer while saving)."""
        problem = self.storage.write_problem()
        if problem:
            if self._saved.state is not SavedState.UNSAVED:
                self._set_saved(Saved(SavedState.UNSAVED, self._saved.when, problem))
                self.raise_notice(
                    Notice(problem, Severity.ERROR, (NoticeAction(self.tr("Retry"), self.storage.retry),))
                )
        elif self.storage.is_idle() and self._saved.state in (SavedState.SAVING, SavedState.UNSAVED):
            self._set_saved(Saved(SavedState.SAVED, datetime.now()))


def timestamp() -> str:
    """Now, ISO 8601 UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def swapped(image: Image, state: ImageState) -> tuple[Image, Image]:
    return image, replace(image, state=state)
