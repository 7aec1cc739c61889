"""Apply to following images: what is marked here is looked for in the next images, one by one, as a job (ux.md §6, §8).

Every image is asked on its own with the same reference region: zero-shot video object segmentation without a state
that could drift. The best find of an image becomes a proposal there; nothing is stored before it is accepted.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject

from desktop.dataset.prompt_json import to_json
from desktop.image_service import Decoded, ImageService
from desktop.settings import Settings
from desktop.workspace.link import InferenceLink
from desktop.workspace.opening import Opening
from desktop.workspace.unused import unused_sentence
from desktop.workspace.values import JobInfo, JobState, Notice, NoticeAction, Severity
from inference.engine import Image as EngineImage
from inference.messages import Dropped, Failed, Finished, Progress, Segment
from inference.prompts import MaskArray, PromptKind, PromptSet, Reference
from inference.results import Region, Segmentation

NAMED_FAILURES = 3
"""So many images are named in the line of the job; all of them in the message log."""


@dataclass(slots=True, eq=False)
class _Run:
    """One *Apply to following images*. ``asked`` is the server's job for the image ``at``, None while it is decoded."""

    job: str
    engine: str
    reference: Reference
    label: str
    left: deque[int]
    total: int
    at: int | None = None
    asked: int | None = None
    found: int = 0
    nothing: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.total - len(self.left) - (self.at is not None)


class Following(Opening):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._followed: dict[str, _Run] = {}
        self._follow_number = 0
        images.loaded.connect(self._following_image_loaded)
        images.failed.connect(self._following_image_failed)

    # -- reading -------------------------------------------------------------------------------------------------

    def following_images(self) -> list[int]:
        """Ids of the images after the current one, in the order of the strip."""
        ids = [image.id for image in self.visible_images]
        here = self._image.id if self._image is not None else None
        return ids[ids.index(here) + 1 :] if here in ids else []

    def can_follow(self) -> str:
        """Empty, or why what is marked here cannot be looked for in the following images."""
        if not self._is_marked():
            return self.tr("Prompt an object or select one instance first: it shows what to look for.")
        if not self._follow_engine():
            spec = self.specs.get(self._find_with)
            if spec is None:
                return self.tr("No engine is chosen.")
            return unused_sentence(PromptKind.REFERENCE, spec, self.engines)
        visible = self.visible_images
        if not visible or self._image is None or visible[-1].id == self._image.id:
            return self.tr("This is the last image.")
        return self.editable()

    # -- running -------------------------------------------------------------------------------------------------

    def apply_to_following(self, count: int) -> str:
        """Look for what is marked here in the next ``count`` images of the strip; returns the id of the job.

        The reference is the shown candidate, else the selected instance, else the session's own reference. Empty when
        it cannot be done (a sentence is shown).
        """
        reason, reference = self.can_follow(), self._follow_reference()
        if reason or reference is None:
            self.notice(reason or self.tr("The mask is empty."))
            return ""
        wanted = deque(self.following_images()[: max(count, 1)])
        self._follow_number += 1
        job = f"follow-{self._follow_number}"
        label = self._follow_label()
        run = _Run(job, self._follow_engine(), reference, label, wanted, len(wanted))
        self._followed[job] = run
        title = self.tr("{what} in {n} following images") if run.total > 1 else self.tr("{what} in the following image")
        title = title.format(what=label or self.tr("Object"), n=run.total)
        self._put_job(JobInfo(job, title, JobState.RUNNING, 0.0, started=time.monotonic(), lossy=True))
        self._next_image(run)
        return job

    def go_to_next_proposals(self) -> None:
        """The next image in the strip where proposals wait, beginning again at the first."""
        ids = [image.id for image in self.visible_images if image.id in self.images_with_proposals]
        here = self._image.id if self._image is not None else 0
        order = [image.id for image in self.visible_images]
        place = order.index(here) if here in order else -1
        after = [i for i in ids if order.index(i) > place] or [i for i in ids if i != here]
        if after:
            self.go_to_image(after[0])
        else:
            self.notice(self.tr("No other image has proposals."))

    def _follow_engine(self) -> str:
        """The chosen engines first, then any that takes references; empty when none does."""
        able = [e.spec.name for e in self.engines if e.usable and PromptKind.REFERENCE in e.spec.prompts]
        return next((name for name in (self._find_with, self._refine_with) if name in able), next(iter(able), ""))

    def _is_marked(self) -> bool:
        """Whether there is something to look for; asked after every event, so no mask is made for it."""
        if self._image is None or self._pixels is None:
            return False
        if self._session is not None and self._session.candidate is not None:
            return True
        return len(self._selection) == 1 or any(isinstance(p, Reference) and p.positive for p in self.prompts)

    def _follow_reference(self) -> Reference | None:
        if self._image is None or self._pixels is None:
            return None
        mask = self._marked()
        if mask is not None:
            return Reference(self._pixels, mask, self._image.path)
        said = [p for p in self.prompts if isinstance(p, Reference) and p.positive]
        return said[-1] if said else None

    def _marked(self) -> MaskArray | None:
        """The shown candidate, else the one selected instance."""
        candidate = self._session.candidate if self._session is not None else None
        if candidate is not None:
            return candidate.mask() if bool(np.any(candidate.logits > 0)) else None
        chosen = self._instances.get(self._selection[0]) if len(self._selection) == 1 else None
        return chosen.mask.to_array() if chosen is not None and not chosen.mask.is_empty else None

    def _follow_label(self) -> str:
        """The class that proposals get: the instance's, or the current one."""
        refined = self._session.refines if self._session is not None else next(iter(self._selection), None)
        instance = self._instances.get(refined) if refined is not None else None
        category = self.category(instance.category_id) if instance is not None else self.current_category
        return category.name if category is not None else ""

    def _next_image(self, run: _Run) -> None:
        """Decode the next image; it is asked about when its pixels are there."""
        run.asked = None
        if not run.left:
            run.at = None
            self._end_following(run)
            return
        run.at = run.left.popleft()
        image = self.storage.image(run.at)
        if image is None:
            self._next_image(run)
            return
        self._update_job(run.job, fraction=run.done / run.total, message=self._following_message(run))
        decoded = self.image_service.decoded(run.at)
        if decoded is not None:
            self._ask_following(run, decoded)
        else:
            self.image_service.prefetch(run.at, self.storage.file_of(image), image.page)

    def _ask_following(self, run: _Run, decoded: Decoded) -> None:
        if self._link is None or run.at is None:
            return
        request = Segment(
            run.engine,
            EngineImage(decoded.loaded.pixels, decoded.loaded.content_hash),
            PromptSet((run.reference,)),
            f"{run.job}-{run.at}",
            0,
            seed=self.settings.number("engines.seed"),
            as_job=True,
            options=self.changed_options(run.engine),
        )
        run.asked = self._link.submit(request)

    def _following_image_loaded(self, image_id: int, decoded: Decoded) -> None:
        for run in list(self._followed.values()):
            if run.at == image_id and run.asked is None:
                self._ask_following(run, decoded)

    def _following_image_failed(self, image_id: int, sentence: str) -> None:
        for run in list(self._followed.values()):
            if run.at == image_id and run.asked is None:
                self._following_failed(run, sentence)

    def _following_event(self, event: object) -> None:
        job = getattr(event, "job", None)
        run = next((r for r in self._followed.values() if r.asked is not None and r.asked == job), None)
        if run is None:
            return
        match event:
            case Progress(fraction=fraction):
                share = (run.done + (fraction or 0.0)) / run.total
                self._update_job(run.job, fraction=share, message=self._following_message(run))
            case Finished(result=Segmentation() as answer):
                self._take_following(run, answer)
                self._next_image(run)
            case Failed():
                self._following_failed(run, event.message)
            case Dropped():
                self._drop_following(run)

    def _take_following(self, run: _Run, answer: Segmentation) -> None:
        assert run.at is not None
        best = next(iter(answer.candidates), None)
        mask = best.mask() if best is not None else None
        if best is None or mask is None or not mask.any():
            run.nothing.append(self._following_name(run.at))
            return
        region = Region(mask, best.score, run.label or None)
        prompts = to_json(PromptSet((run.reference,)))
        run.found += self._propose(run.at, run.engine, [region], prompts)

    def _following_failed(self, run: _Run, sentence: str) -> None:
        assert run.at is not None
        name = self._following_name(run.at)
        run.failed.append(name)
        self.log.add(f"{name}: {sentence}")
        self._next_image(run)

    # -- the end -------------------------------------------------------------------------------------------------

    def _end_following(self, run: _Run) -> None:
        self._followed.pop(run.job, None)
        state = JobState.FAILED if run.failed and not run.found and not run.nothing else JobState.DONE
        self._end_job(run.job, state, self._following_message(run))
        severity = Severity.WARNING if run.failed else Severity.INFO
        actions = (NoticeAction(self.tr("Review"), self.go_to_next_proposals),) if run.found else ()
        self.raise_notice(Notice(self._following_message(run), severity, actions))

    def _following_message(self, run: _Run) -> str:
        """ "5 proposals · nothing found in 2 · failed: a.png, b.png", while it runs after "7 of 20"."""
        parts = [self.tr("{n} of {all}").format(n=run.done, all=run.total)] if run.at is not None else []
        parts.append(self._proposals_in_words(run.found))
        if run.nothing:
            parts.append(self.tr("nothing found in {n}").format(n=len(run.nothing)))
        if run.failed:
            more = "…" if len(run.failed) > NAMED_FAILURES else ""
            parts.append(self.tr("failed: {images}").format(images=", ".join(run.failed[:NAMED_FAILURES]) + more))
        return " · ".join(parts)

    def _proposals_in_words(self, count: int) -> str:
        return self.tr("1 proposal") if count == 1 else self.tr("{n} proposals").format(n=count)

    def _following_name(self, image_id: int) -> str:
        image = self.storage.image(image_id)
        return Path(image.path).name if image is not None else str(image_id)

    def cancel_job(self, job_id: str) -> None:
        """Ask a job to stop; what it found stays."""
        run = self._followed.get(job_id)
        if run is None:
            super().cancel_job(job_id)
        elif run.asked is not None and self._link is not None:
            run.left.clear()
            self._update_job(job_id, state=JobState.CANCELLING)
            self._link.cancel(run.asked)
        else:
            self._drop_following(run)

    def _drop_following(self, run: _Run) -> None:
        self._followed.pop(run.job, None)
        self._end_job(run.job, JobState.CANCELLED, self._proposals_in_words(run.found))

    def _leave(self) -> None:
        for job in list(self._followed):
            self.cancel_job(job)
        super()._leave()
