"""Accepting: the shown candidates become instances, with their class and where they come from (ux.md §4)."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject

from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance, Provenance
from desktop.dataset.prompt_json import to_json
from desktop.image_service import ImageService
from desktop.session import Session
from desktop.settings import Settings
from desktop.workspace.link import InferenceLink
from desktop.workspace.prompting import Prompting
from desktop.workspace.undo import program_version
from inference.prompts import Text
from inference.results import Candidate


class Accepting(Prompting):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self.class_of_phrase: dict[str, int] = {}
        """Class ids that were chosen for phrases; shared with the prompts panel, where they are chosen."""

    def can_accept(self) -> str:
        if self._session is None:
            return self.tr("There is no open session: prompt something first.")
        if self._session.candidate is None:
            return self.tr("There is no mask to accept yet.")
        return self.editable()

    def accept(self, category_id: int | None = None, *, start_next: bool = False) -> None:
        """Make the shown candidate an instance (or replace the refined one): one undo step; the tool stays."""
        reason = self.can_accept()
        session = self._session
        if reason or session is None or self._image is None:
            self.notice(reason)
            return
        taken = session.to_accept()
        if not taken:
            self.notice(self.tr("Nothing found — add a positive point or lower the threshold"))
            return
        old = self._instances.get(session.refines) if session.refines is not None else None
        masks = [Mask.from_array(candidate.mask()) for candidate in taken]
        masks = [self.kept_off_others(mask, old if place == 0 else None) for place, mask in enumerate(masks)]
        taken = tuple(candidate for candidate, mask in zip(taken, masks, strict=True) if not mask.is_empty)
        masks = [mask for mask in masks if not mask.is_empty]
        if not taken:
            self.notice(self.tr("Other instances hold all these pixels, and they are not to be overwritten."))
            return
        if not self._ready_to_change():
            return
        self._drop_requests()
        changed: list[Instance] = []
        for offset, (candidate, mask) in enumerate(zip(taken, masks, strict=True)):
            category = category_id if category_id is not None else self._class_found(session, candidate)
            provenance = replace(
                self._provenance(session, candidate), seconds=round(session.work.seconds / len(taken), 1)
            )
            if old is not None and offset == 0:
                before = old.provenance
                worked = (provenance.seconds or 0.0) + (before.seconds or 0.0)
                provenance = replace(provenance, created=before.created, author=before.author, seconds=worked)
                kept = category_id if category_id is not None else old.category_id
                changed.append(replace(old, mask=mask, provenance=provenance, category_id=kept))
            else:
                new = self.new_instance(mask, provenance, category)
                changed.append(replace(new, z_order=new.z_order + offset))
        verb = self.tr("Refine {what}") if old is not None else self.tr("Accept {what}")
        what = f"{self.class_name(changed[0].category_id)} #{changed[0].id}"
        if changed == [old] or self._change_instances(verb.format(what=what), changed, payload=session):
            self._session, self._message = None, ""
            self.select([] if start_next else [i.id for i in changed])
        self.session_changed.emit()
        self.history_changed.emit()

    def _class_found(self, session: Session, candidate: Candidate) -> int | None:
        """The class of the phrase that found a candidate: chosen for it, of the same name, the current one, or new.

        None without a phrase, and when it cannot be told which of several phrases found it.
        """
        phrases = [p.text for p in session.prompts if isinstance(p, Text) and p.positive]
        named = [label.name for label in candidate.labels if label.name in phrases]
        phrase = next(iter(named or (phrases if len(phrases) == 1 else ())), "")
        chosen = self.class_of_phrase.get(phrase)
        if not phrase or self.category(chosen) is not None:
            return chosen
        same = next((c.id for c in self.categories if c.name.casefold() == phrase.casefold()), None)
        if same is not None or self._current_category is not None:
            return same
        return self.add_category(phrase)

    def _provenance(self, session: Session, candidate: Candidate) -> Provenance:
        status = self.engine_status(candidate.engine)
        return Provenance(
            source=candidate.engine,
            version=program_version(),
            fingerprint=status.fingerprint if status is not None else "",
            prompts=to_json(session.prompts),
            score=float(candidate.score),
            seed=self.settings.number("engines.seed"),
            suggested=self._suggested_name(candidate),
        )

    def _suggested_name(self, candidate: Candidate) -> str:
        """The class name that a model proposed for a candidate, empty without one (see :class:`Suggesting`)."""
        return candidate.labels[0].name if candidate.labels else ""
