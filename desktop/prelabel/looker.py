"""One image through a loaded engine, step by step: what a thread pipeline and a worker of a cluster have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from desktop.dataset.errors import DatasetError
from desktop.dataset.images import LoadedImage
from desktop.prelabel.answers import Prompted, Question, finds
from desktop.prelabel.request import PrelabelError, PrelabelRequest
from desktop.prelabel.work import Control, Outcome
from inference import device
from inference.engine import (
    Cancelled,
    Configurable,
    Engine,
    Features,
    Image,
    Overlapping,
    UnusablePrompts,
    WeightsMissing,
    WrongWeights,
)
from inference.failures import describe, is_out_of_memory
from inference.results import Region, Segmentation
from inference.runner import Seeded

Answers = list[list[Region] | Segmentation]


class Looker:
    """An engine that was told what to look for. ``control`` ends its work at its next report."""

    def __init__(self, engine: Engine, request: PrelabelRequest, asked: Sequence[Question], control: Control) -> None:
        self._engine, self._request, self._asked, self._control = engine, request, asked, control
        if isinstance(engine, Configurable):
            engine.configure(request.options)

    @property
    def may_overlap(self) -> bool:
        """Whether :meth:`encode` may run on one thread while :meth:`answer` runs on another."""
        return isinstance(self._engine, Overlapping) and self._engine.may_overlap

    def encode(self, loaded: LoadedImage) -> Features:
        """Look at an image; once more after making room when the memory was not enough."""
        self._control.report(None, "")
        self._reseed()
        image = Image(loaded.pixels, loaded.content_hash)
        try:
            return self._engine.encode(image, self._control.report)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # outside the except block: the traceback holds the tensors of the failed attempt
        device.release_unused()
        return self._engine.encode(image, self._control.report)

    def answer(self, features: Features) -> Answers:
        """Ask all questions about an image."""
        answers: Answers = []
        for number, question in enumerate(self._asked):
            self._control.report(None, "")
            if number:
                # as the inference server does before every request
                self._reseed()
            if isinstance(question, Prompted):
                answers.append(self._engine.segment(features, question.prompts, None, self._control.report))
            else:
                answers.append(self._engine.everything(features, question.vocabulary, self._control.report))
        return answers

    def outcome(self, image_id: int, work: Callable[[], tuple[LoadedImage, Answers]]) -> Outcome:
        """Do the ``work`` and pack what it found; what is wrong with this one image is said in the outcome.

        Raises :class:`PrelabelError`, WeightsMissing or WrongWeights when no image could be looked at, and Cancelled.
        """
        try:
            loaded, answers = work()
        except (Cancelled, WeightsMissing, WrongWeights, PrelabelError):
            raise
        except UnusablePrompts as error:
            raise PrelabelError(str(error)) from error
        except DatasetError as error:
            return Outcome(image_id, error=str(error))
        except Exception as error:  # one image that an engine cannot stand must not end the job
            _, sentence, _ = describe(error, self._engine.spec.title)
            return Outcome(image_id, error=sentence.removesuffix(" Your prompts are kept."))
        finally:
            device.return_freed_memory()
        return replace(
            Outcome(image_id, finds(self._asked, answers, self._request.least_score)),
            width=loaded.width,
            height=loaded.height,
            orientation=loaded.orientation,
            content_hash=loaded.content_hash,
            fingerprint=self._engine.fingerprint,
        )

    def _reseed(self) -> None:
        if isinstance(self._engine, Seeded):
            self._engine.reseed(self._request.seed)
