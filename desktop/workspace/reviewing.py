"""Review rounds: item by item, approved or sent back with a comment, edited where that is quicker (ux.md §17)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.dataset.changes import ReplaceImages
from desktop.dataset.history import Step
from desktop.dataset.masks import Mask
from desktop.dataset.model import Comment, Image, ImageState, Instance, ReviewState
from desktop.dataset.review import ReviewItem, approved, passed, sent_back
from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.link import InferenceLink
from desktop.workspace.relabelling import Relabelling
from desktop.workspace.undo import timestamp


@dataclass(slots=True)
class _Decision:
    """What was decided about the item at ``place``, as the step that can take it back."""

    place: int
    approves: bool
    step: Step


@dataclass(slots=True)
class _Round:
    """One review. ``opened`` are the masks of the present item as they were when it was opened, by instance id;
    ``since`` is the length of its image's history then."""

    items: tuple[ReviewItem, ...]
    place: int = 0
    decisions: list[_Decision] = field(default_factory=list)
    undone: list[_Decision] = field(default_factory=list)
    opened: dict[int, Mask] = field(default_factory=dict)
    since: int = 0

    @property
    def item(self) -> ReviewItem:
        return self.items[self.place]


@dataclass(frozen=True, slots=True)
class ReviewInfo:
    """The round as the review bar shows it. ``number`` counts from 1; ``said`` is the thread about the item."""

    number: int
    count: int
    approved: int
    sent_back: int
    item: ReviewItem
    title: str
    state: ReviewState | ImageState
    by: str = ""
    said: tuple[Comment, ...] = ()


class Reviewing(Relabelling):
    """See :class:`desktop.workspace.Workspace`."""

    review_changed = Signal()
    """A round began or ended, or its present item or a figure of it changed."""
    review_item_opened = Signal()
    """Another item is to be looked at: the window shows it as large as it fits."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._round: _Round | None = None
        self._show_difference = True
        self.instances_changed.connect(self._item_may_have_changed)
        self.image_state_changed.connect(self._item_may_have_changed)
        self.project_changed.connect(self._project_may_be_another)
        self._reviewed_project: Path | None = None

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def reviewing(self) -> bool:
        return self._round is not None

    @property
    def review(self) -> ReviewInfo | None:
        """The round under way."""
        found = self._round
        if found is None:
            return None
        good = sum(decision.approves for decision in found.decisions)
        bad = len(found.decisions) - good
        thing = self._item_now()
        image = self.storage.image(found.item.image_id)
        file = Path(image.path).name if image is not None else ""
        counted = found.place + 1, len(found.items), good, bad, found.item
        if isinstance(thing, Instance):
            made = thing.provenance
            title = self.tr("{what} in {image}").format(what=self.title_of(thing.id), image=file)
            return ReviewInfo(*counted, title, thing.review, made.editor or made.author, thing.comments)
        state = image.state if image is not None else ImageState.ERROR
        comments = image.comments if image is not None else ()
        return ReviewInfo(*counted, file, state, image.editor if image is not None else "", comments)

    def can_decide(self) -> str:
        """Empty, or why the present item can be neither approved nor sent back."""
        if self._round is None:
            return self.tr("There is no review under way.")
        if self._session is not None:
            return self.tr("Accept or discard the open session first.")
        if self._item_now() is None:
            return self.tr("The item is gone: it was deleted. Go on to the next.")
        return self.read_only

    def _item_now(self) -> Instance | Image | None:
        """The present item as it is now; None when it is gone."""
        if self._round is None:
            return None
        item = self._round.item
        if item.instance_id is None:
            return self.storage.image(item.image_id)
        if self._image is not None and self._image.id == item.image_id:
            return self._instances.get(item.instance_id)
        return self.storage.instances(item.image_id).get(item.instance_id)

    # -- what changed --------------------------------------------------------------------------------------------

    @property
    def difference_shown(self) -> bool:
        """Whether the canvas shows what changed since the last review, or in this one."""
        return self._show_difference

    def show_difference(self, on: bool) -> None:
        self._show_difference = on
        self.review_changed.emit()

    def difference(self) -> tuple[Mask, Mask] | None:
        """The pixels that came and that went, of what is reviewed or, outside a review, of what is selected.

        Compared with the mask that the last review found, else with the one this review began with. None when nothing
        changed.
        """
        pairs = [(before, self._instances[i].mask) for i, before in self._compared().items() if i in self._instances]
        added, removed = None, None
        for before, after in pairs:
            if before != after:
                came, went = after.subtract(before), before.subtract(after)
                added = came if added is None else added.union(came)
                removed = went if removed is None else removed.union(went)
        return (added, removed) if added is not None and removed is not None else None

    def _compared(self) -> dict[int, Mask]:
        shown = self._selection if self._round is None else tuple(self._round.opened)
        before = dict(self._round.opened) if self._round is not None else {}
        for i in shown:
            found = self._instances[i].found if i in self._instances else None
            if found is not None:
                before[i] = found
        return before

    # -- a round -------------------------------------------------------------------------------------------------

    def start_review(self, items: Sequence[ReviewItem]) -> str:
        """Begin with the first item; returns why that cannot be, or an empty text."""
        if self.storage.project is None:
            return self.tr("There is no project to review yet.")
        if self.read_only:
            return self.read_only
        if not items:
            return self.tr("Nothing is left to review.")
        self._round = _Round(tuple(items))
        self._reviewed_project = self.storage.project.path
        self._go_to(0)
        return ""

    def leave_review(self) -> None:
        """Back to annotating; every decision stays."""
        found, self._round = self._round, None
        if found is None:
            return
        good = sum(decision.approves for decision in found.decisions)
        text = self.tr("Review: {n} of {all} approved, {back} sent back.")
        self.notice(text.format(n=good, all=len(found.items), back=len(found.decisions) - good))
        self.review_changed.emit()

    def _project_may_be_another(self) -> None:
        project = self.storage.project
        if self._round is not None and (project is None or project.path != self._reviewed_project):
            self._round = None
            self.review_changed.emit()

    def review_step(self, step: int) -> None:
        """To the next or previous item without deciding."""
        if self._round is not None:
            place = self._round.place + step
            if 0 <= place < len(self._round.items):
                self._go_to(place)
            else:
                last = self.tr("This is the last item.") if step > 0 else self.tr("This is the first item.")
                self.notice(last)

    def show_review_item(self) -> None:
        """Go back to the present item after looking elsewhere."""
        if self._round is not None:
            self._go_to(self._round.place)

    def _go_to(self, place: int) -> None:
        assert self._round is not None
        self._round.place = place
        item = self._round.item
        self.go_to_image(item.image_id)
        chosen = [item.instance_id] if item.instance_id in self._instances else []
        self.select([i for i in chosen if i is not None])
        watched = chosen if item.instance_id is not None else list(self._instances)
        self._round.opened = {i: self._instances[i].mask for i in watched if i is not None}
        self._round.since = self._history.position
        self.review_changed.emit()
        self.review_item_opened.emit()
        self.history_changed.emit()

    def _item_may_have_changed(self, _what: object) -> None:
        if self._round is not None:
            self.review_changed.emit()

    # -- decisions -----------------------------------------------------------------------------------------------

    def approve(self) -> None:
        """The item is right as it is now; on to the next one."""
        thing = self._to_decide()
        if isinstance(thing, Instance):
            before = self._round.opened.get(thing.id) if self._round is not None else None
            after = approved(thing, self.author, timestamp(), before)
            self._decide(True, self.tr("Approve {what}").format(what=self.title_of(thing.id)), [after])
        elif isinstance(thing, Image):
            opened = self._round.opened if self._round is not None else {}
            now = timestamp()
            after_all = [
                approved(i, self.author, now, opened.get(i.id))
                for i in self._instances.values()
                if i.review is not ReviewState.REVIEWED or opened.get(i.id) not in (None, i.mask)
            ]
            name = self.tr("Approve {what}").format(what=Path(thing.path).name)
            self._decide(True, name, after_all, self._with_state(thing, ImageState.REVIEWED))

    def send_back(self, text: str) -> None:
        """The item needs work, for the reason in ``text``, and so does its image; on to the next one."""
        thing = self._to_decide()
        if not text.strip() or thing is None or self._image is None:
            return
        if isinstance(thing, Instance):
            after = sent_back(thing, self.author, timestamp(), text.strip())
            name = self.tr("Send back {what}").format(what=self.title_of(thing.id))
            self._decide(False, name, [after], self._with_state(self._image, ImageState.REJECTED))
        else:
            said = (*thing.comments, Comment(text.strip(), self.author, timestamp()))
            name = self.tr("Send back {what}").format(what=Path(thing.path).name)
            self._decide(False, name, [], self._with_state(replace(thing, comments=said), ImageState.REJECTED))

    def _to_decide(self) -> Instance | Image | None:
        """The present item, if it is on the screen and can be decided about; otherwise it is shown first."""
        reason = self.can_decide()
        if reason or self._round is None:
            self.notice(reason)
            return None
        if self._image is None or self._image.id != self._round.item.image_id:
            self.show_review_item()
            return None
        return self._item_now()

    def _decide(self, approves: bool, name: str, instances: Iterable[Instance], image: Image | None = None) -> None:
        found = self._round
        if found is None or not self._commit(self._step_of(name, instances, image)):
            return
        found.decisions = [decision for decision in found.decisions if decision.place != found.place]
        found.decisions.append(_Decision(found.place, approves, self._history.steps[-1]))
        found.undone.clear()
        self._advance()

    def _advance(self) -> None:
        """The next item that was not decided about; the end of the round when there is none."""
        found = self._round
        if found is None:
            return
        decided = {decision.place for decision in found.decisions}
        order = [*range(found.place + 1, len(found.items)), *range(found.place)]
        following = next((place for place in order if place not in decided), None)
        if following is None:
            self.leave_review()
        else:
            self._go_to(following)

    def _step_of(self, name: str, instances: Iterable[Instance], image: Image | None) -> Step:
        after = list(instances)
        step = Step.of_instances(name, [self._instances[i.id] for i in after], after)
        if image is None or self._image is None or image == self._image:
            return step
        there, back = ReplaceImages((image,)), ReplaceImages((self._image,))
        return replace(step, forward=(*step.forward, there), backward=(*step.backward, back))

    def _with_state(self, image: Image, state: ImageState) -> Image:
        return replace(image, state=state, editor=self.author, changed=timestamp())

    # -- undo: a decision is taken back where it was made ---------------------------------------------------------

    def undo(self) -> None:
        """As ever; right after a decision that one is taken back, and its item shown again."""
        decision = self._decision_to_undo()
        if decision is None or self._round is None:
            super().undo()
            return
        self._go_to(decision.place)
        super().undo()
        self._round.decisions.remove(decision)
        self._round.undone.append(decision)
        self._go_to(decision.place)

    def redo(self) -> None:
        """As ever; a decision that was taken back is made again, and the round goes on."""
        following = self._next_redo()
        super().redo()
        found = self._round
        if found is not None and found.undone and found.undone[-1].step is following:
            found.decisions.append(found.undone.pop())
            self._advance()

    @property
    def undo_name(self) -> str:
        decision = self._decision_to_undo()
        return self.tr("Undo {name}").format(name=decision.step.name) if decision is not None else super().undo_name

    def _decision_to_undo(self) -> _Decision | None:
        """The last decision, when nothing was done since on the present item or where it was made."""
        found = self._round
        if found is None or not found.decisions or self._session is not None or self._history.position > found.since:
            return None
        decision = found.decisions[-1]
        history = self._histories.of_image(found.items[decision.place].image_id)
        done = history.steps[: history.position]
        return decision if done and done[-1] is decision.step else None

    # -- states and comments outside a round ----------------------------------------------------------------------

    def mark_instances(self, ids: Iterable[int], state: ReviewState) -> None:
        """Set the review state of instances of the current image: one step."""
        found = [self._instances[i] for i in ids if i in self._instances and self._instances[i].review is not state]
        if not found or self._image is None:
            return
        now, image = timestamp(), None
        if state is ReviewState.REVIEWED:
            after = passed(found, self.author, now)
        else:
            after = [replace(i, review=state) for i in found]
        if state is ReviewState.NEEDS_WORK:
            image = self._with_state(self._image, ImageState.REJECTED)
        name = self.tr("Mark {what} {state}").format(what=self._names_of(found), state=self.tr(state.value))
        self._commit(self._step_of(name, after, image))

    def comment_on(self, text: str, ids: Sequence[int] = ()) -> None:
        """Add to the thread of instances, or without ids to that of the current image: one step."""
        said = Comment(text.strip(), self.author, timestamp())
        if not said.text or self._image is None:
            return
        found = [self._instances[i] for i in ids if i in self._instances]
        after = [replace(i, comments=(*i.comments, said)) for i in found]
        what = self._names_of(found) if found else Path(self._image.path).name
        image = None if found else replace(self._image, comments=(*self._image.comments, said))
        self._commit(self._step_of(self.tr("Comment on {what}").format(what=what), after, image))
