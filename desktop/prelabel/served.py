"""The engine behind an inference server, as the window has it: requests at batch priority, which yields to prompts.

Images are decoded and masks are packed on a thread of this process; the engine runs where the server runs it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from desktop.dataset import images
from desktop.dataset.errors import DatasetError
from desktop.dataset.images import LoadedImage
from desktop.prelabel.answers import Prompted, Question, finds
from desktop.prelabel.looker import Answers
from desktop.prelabel.request import PrelabelError, PrelabelRequest
from desktop.prelabel.work import Control, Outcome, Task
from inference.engine import Cancelled, Image
from inference.messages import Dropped, Everything, Failed, FailureKind, Finished, Request, Segment
from inference.server import ServerClosed

AHEAD = 3

DEATHS = 3
"""So often in a row the worker process may die before the job is given up."""

_OF_ALL_IMAGES = (FailureKind.WEIGHTS_MISSING, FailureKind.WRONG_WEIGHTS, FailureKind.UNUSABLE_PROMPTS)


@dataclass(slots=True, eq=False)
class _Piece:
    """An image on its way: what it was asked (server's job to question), and what was answered so far."""

    task: Task
    future: Future[Outcome]
    loaded: LoadedImage | None = None
    asked: dict[int, int] = field(default_factory=dict)
    answers: dict[int, object] = field(default_factory=dict)


class ServedFinder:
    """``submit`` and ``cancel`` are the server's; whoever hears its events hands them to :meth:`hear`, on any thread.

    ``name`` tells this job's requests from those of others. ``fingerprint`` is asked for the engine's when a result has
    come, because the server tells it when it has loaded the engine.
    """

    def __init__(
        self,
        submit: Callable[[Request], int],
        cancel: Callable[[int], None],
        request: PrelabelRequest,
        asked: Sequence[Question],
        control: Control,
        name: str,
        fingerprint: Callable[[], str],
    ) -> None:
        self._submit, self._cancel, self._fingerprint = submit, cancel, fingerprint
        self._request, self._asked, self._control, self._name = request, asked, control, name
        self._pool = ThreadPoolExecutor(1, "prelabel")
        self._guard = threading.Lock()
        self._pieces: dict[int, _Piece] = {}
        self._deaths = 0

    @property
    def ahead(self) -> int:
        return AHEAD

    def begin(self, task: Task) -> Future[Outcome]:
        piece = _Piece(task, Future())
        self._pool.submit(self._decode, piece)
        return piece.future

    def close(self) -> None:
        self._control.stop()
        with self._guard:
            waiting, self._pieces = list(self._pieces), {}
        for job in waiting:
            self._cancel(job)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def hear(self, event: object) -> None:
        """Take an event of the server; those of other jobs are passed over."""
        if not isinstance(event, Finished | Failed | Dropped):
            return
        with self._guard:
            piece = self._pieces.pop(event.job, None)
        if piece is None:
            return
        match event:
            case Finished():
                self._deaths = 0
                piece.answers[piece.asked[event.job]] = event.result
                if len(piece.answers) == len(self._asked):
                    self._pool.submit(self._pack, piece)
            case Failed():
                self._failed(piece, event)
            case Dropped() if not self._control.stopped:
                # the engine was loaded anew or its worker was ended: nobody wanted this image to be left out
                self._ask_again(piece, piece.asked[event.job])

    def _decode(self, piece: _Piece) -> None:
        try:
            piece.loaded = images.load(piece.task.file, piece.task.page)
        except DatasetError as error:
            piece.future.set_result(Outcome(piece.task.image_id, error=str(error)))
            return
        except Exception as error:  # a bug in a decoder must end as a message, not as a job that never ends
            piece.future.set_exception(error)
            return
        for number in range(len(self._asked)):
            if not self._ask_again(piece, number):
                return

    def _ask_again(self, piece: _Piece, number: int) -> bool:
        assert piece.loaded is not None
        question, request = self._asked[number], self._request
        image = Image(piece.loaded.pixels, piece.loaded.content_hash)
        message: Request
        if isinstance(question, Prompted):
            session = f"{self._name}-{piece.task.image_id}-{number}"
            message = Segment(
                request.engine, image, question.prompts, session, 0, seed=request.seed, as_job=True,
                options=request.options,
            )  # fmt: skip
        else:
            message = Everything(request.engine, image, question.vocabulary, request.seed, request.options)
        try:
            # an answer that comes at once must find the piece
            with self._guard:
                job = self._submit(message)
                self._pieces[job] = piece
                piece.asked[job] = number
        except ServerClosed:
            self._end(piece, Cancelled())
            return False
        return True

    def _failed(self, piece: _Piece, event: Failed) -> None:
        with self._guard:
            others = [job for job, other in self._pieces.items() if other is piece]
            for job in others:
                del self._pieces[job]
        for job in others:
            self._cancel(job)
        sentence = event.message.removesuffix(" Your prompts are kept.")
        self._deaths = self._deaths + 1 if event.kind is FailureKind.WORKER_DIED else 0
        if event.kind in _OF_ALL_IMAGES or self._deaths >= DEATHS:
            self._end(piece, PrelabelError(sentence))
        elif not piece.future.done():
            piece.future.set_result(Outcome(piece.task.image_id, error=sentence))

    @staticmethod
    def _end(piece: _Piece, error: BaseException) -> None:
        if not piece.future.done():
            piece.future.set_exception(error)

    def _pack(self, piece: _Piece) -> None:
        loaded = piece.loaded
        assert loaded is not None
        try:
            answers: Answers = [piece.answers[number] for number in range(len(self._asked))]  # type: ignore[misc]
            outcome = Outcome(piece.task.image_id, finds(self._asked, answers, self._request.least_score))
        except Exception as error:  # as above
            self._end(piece, error)
            return
        outcome = replace(outcome, width=loaded.width, height=loaded.height, orientation=loaded.orientation)
        piece.future.set_result(replace(outcome, content_hash=loaded.content_hash, fingerprint=self._fingerprint()))
