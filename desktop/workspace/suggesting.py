"""What the shown candidate probably is: the best of the project's classes, asked of an engine that ranks names.

It is asked a moment after a candidate is shown, so that leafing through candidates asks once. Without classes the
names of COCO's panoptic task are ranked. Nothing is named without the person: :meth:`Suggesting.take_suggestion` does.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from PySide6.QtCore import QObject, QRunnable, QThreadPool, QTimer, Signal, SignalInstance

from desktop.dataset.model import Kind
from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.link import InferenceLink
from desktop.workspace.references import References
from desktop.workspace.values import LabelSuggestion
from inference import vocabularies
from inference.engine import Capability, Speed, Vocabulary
from inference.labels import decided
from inference.messages import Dropped, Failed, Finished, RankLabels
from inference.prompts import MaskArray
from inference.results import Candidate, LabelScores

DELAY_MS = 200
OWN_NAMES = "coco133"
AUTOMATIC, OFF = "auto", "off"
"""Values of the setting ``engines.label_with`` that are no engine's name."""


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """One candidate of a session and the names that it may have."""

    session: str
    candidate: Candidate
    vocabulary: Vocabulary
    engine: str

    def is_same(self, other: _Question | None) -> bool:
        return (
            other is not None
            and other.candidate is self.candidate
            and (other.session, other.vocabulary, other.engine) == (self.session, self.vocabulary, self.engine)
        )


class Suggesting(References):
    """See :class:`desktop.workspace.Workspace`."""

    _mask_made = Signal(object, object)
    """A :class:`_Question` and its mask at image size."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._answers: list[tuple[_Question, LabelSuggestion | None]] = []
        self._asked_label: _Question | None = None
        self._label_job: int | None = None
        self._label_delay = QTimer(self)
        self._label_delay.setSingleShot(True)
        self._label_delay.setInterval(DELAY_MS)
        self._label_delay.timeout.connect(self._make_mask)
        self._mask_made.connect(self._ask_label)
        self.session_changed.connect(self._candidate_may_be_new)
        self.categories_changed.connect(self._candidate_may_be_new)

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def label_suggestion(self) -> LabelSuggestion | None:
        """What the shown candidate probably is; None while that is not known."""
        candidate = self._session.candidate if self._session is not None else None
        if candidate is None:
            return None
        if candidate.labels:
            return LabelSuggestion(candidate.labels, candidate.labels[0], candidate.engine)
        question = self._question()
        return next((said for asked, said in self._answers if asked.is_same(question)), None)

    def _label_text(self) -> str:
        suggestion = self.label_suggestion
        if suggestion is None:
            return ""
        if suggestion.best is None:
            return self.tr("unknown")
        return f"{suggestion.best.name} {suggestion.best.score:.2f}"

    def _suggested_name(self, candidate: Candidate) -> str:
        suggestion = self.label_suggestion
        shown = self._session is not None and self._session.candidate is candidate
        if shown and suggestion is not None and suggestion.best is not None:
            return suggestion.best.name
        return super()._suggested_name(candidate)

    def can_take_suggestion(self) -> str:
        """Empty, or why there is no suggested class to take."""
        if self._session is None or self._session.candidate is None:
            return self.tr("There is no mask to name yet.")
        suggestion = self.label_suggestion
        if suggestion is None:
            return self.tr("No class is suggested for this mask.")
        if suggestion.best is None:
            return self.tr("No class fits this mask well enough to be suggested.")
        return self.editable()

    def take_suggestion(self) -> None:
        """Make the suggested class the current one, or that of the instance that is refined; it is made when new."""
        reason = self.can_take_suggestion()
        suggestion = self.label_suggestion
        if reason or suggestion is None or suggestion.best is None or self._session is None:
            self.notice(reason)
            return
        name = suggestion.best.name
        present = next((c.id for c in self.categories if c.name.casefold() == name.casefold()), None)
        category = present if present is not None else self.add_category(name, self._kind_of(name))
        if self._session is not None and self._session.refines is not None:
            self.set_category([self._session.refines], category)
        self.set_current_category(category)
        self.notice(self.tr("Class: {name}").format(name=name))

    def _kind_of(self, name: str) -> Kind:
        return Kind.STUFF if name in self._suggestible().stuff else Kind.THING

    # -- asking --------------------------------------------------------------------------------------------------

    def _suggestible(self) -> Vocabulary:
        """The names of the project's classes, or the packaged ones without any."""
        return self.class_names() if self.categories else vocabularies.packaged(OWN_NAMES)

    def class_names(self) -> Vocabulary:
        """The names of the project's classes."""
        known = self.categories
        return Vocabulary(tuple(c.name for c in known), frozenset(c.name for c in known if c.kind is Kind.STUFF))

    def _labeller(self, candidate: Candidate) -> str:
        """Who is asked, empty when nobody ranks names.

        The candidate's own engine, unless that takes long on this device and another one answers at once.
        """
        wanted = self.settings.text("engines.label_with")
        if wanted == OFF:
            return ""
        if wanted != AUTOMATIC:
            return wanted
        able = [e.spec for e in self.engines if e.usable and Capability.LABEL in e.spec.capabilities]
        quick = next((spec.name for spec in able if spec.speed is Speed.INSTANT), "")
        own = next((spec for spec in able if spec.name == candidate.engine), None)
        on_gpu = self._device is not None and self._device.name.upper().startswith("CUDA")
        if own is not None and (on_gpu or own.speed is Speed.INSTANT or not quick):
            return own.name
        return quick or (able[0].name if able else "")

    def _question(self) -> _Question | None:
        session = self._session
        if session is None or session.busy or session.candidate is None or session.candidate.labels:
            return None
        engine = self._labeller(session.candidate)
        return _Question(session.id, session.candidate, self._suggestible(), engine) if engine else None

    def _candidate_may_be_new(self) -> None:
        if self._session is None:
            self._forget_labels()
            return
        question = self._question()
        if question is None or self._link is None or self._pixels is None:
            self._label_delay.stop()
        elif not question.is_same(self._asked_label) and not any(a.is_same(question) for a, _ in self._answers):
            self._label_delay.start()

    def _forget_labels(self) -> None:
        """The session is closed: nothing about it is of interest any more."""
        self._label_delay.stop()
        self._answers.clear()
        self._asked_label = None
        if self._label_job is not None and self._link is not None:
            job, self._label_job = self._label_job, None
            self._link.cancel(job)

    def _make_mask(self) -> None:
        question = self._question()
        if question is not None:
            self._asked_label = question
            QThreadPool.globalInstance().start(_MaskMaker(question, self._mask_made))

    def _ask_label(self, question: _Question, mask: MaskArray) -> None:
        image = self.engine_image()
        if question is not self._asked_label or self._link is None or image is None or not mask.any():
            return
        options = self.changed_options(question.engine)
        request = RankLabels(question.engine, image, (mask,), question.vocabulary, question.session, options=options)
        self._label_job = self._link.submit(request)

    def _label_event(self, event: object) -> None:
        match event:
            case Finished(job=job, result=LabelScores() as scores) if job == self._label_job:
                best = decided(scores, 0)
                found = LabelSuggestion(scores.ranked(0), best, event.request.engine, float(scores.unknown[0]))
                self._label_answered(found)
            case Failed(job=job) if job == self._label_job:
                # naming is a help, not the work: no notice interrupts for it
                self.log.add(event.message)
                self._label_answered(None)
            case Dropped(job=job) if job == self._label_job:
                self._label_job, self._asked_label = None, None

    def _label_answered(self, found: LabelSuggestion | None) -> None:
        asked, self._asked_label, self._label_job = self._asked_label, None, None
        if asked is not None and self._session is not None and asked.session == self._session.id:
            self._answers.append((asked, found))
            self.session_changed.emit()


class _MaskMaker(QRunnable):
    """Brings a candidate's mask to image size off the GUI thread."""

    def __init__(self, question: _Question, done: SignalInstance) -> None:
        super().__init__()
        self._question, self._done = question, done

    def run(self) -> None:
        mask = self._question.candidate.mask()
        # the window may be gone by now
        with suppress(RuntimeError):
            self._done.emit(self._question, mask)
