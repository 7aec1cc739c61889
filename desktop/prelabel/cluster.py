"""The same job on a Ray cluster: an actor per GPU (or per some CPUs) holds the engine, tasks decode, one writer writes.

Images are decoded by Ray tasks into the object store, from paths that all machines share or from bytes that are sent.
An actor that dies is replaced; what it had not answered is looked at alone, and only an image that kills actors
there is given up.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop.dataset import images
from desktop.dataset.errors import ImageReadError
from desktop.dataset.images import LoadedImage
from desktop.prelabel.answers import Question
from desktop.prelabel.looker import Looker
from desktop.prelabel.request import PrelabelError, PrelabelRequest
from desktop.prelabel.work import Control, Outcome, Task
from inference.engine import EngineError

log = logging.getLogger(__name__)

LOCAL = "local"
"""The address that means: a cluster of this machine alone, made for this job."""

QUEUED = 2
"""Images that an actor has: the one that it is at and the next."""

BLAMED = 3
"""So often an image may take a worker with it before it is given up."""

BARREN = 3
"""So often in a row a worker may die before it has loaded the engine."""

CPUS_EACH = 2
_LOOK = 0.2


@dataclass(frozen=True, slots=True)
class _Pixels:
    """A decoded image in the object store, or the sentence why there is none."""

    pixels: NDArray[np.uint8]
    orientation: int = 1
    content_hash: str = ""
    error: str = ""


def _decode(file: Path, page: int, data: bytes | None) -> _Pixels:
    """Runs as a Ray task. ``data``: the bytes of the file, where the machines share no paths."""
    try:
        if data is None:
            loaded = images.load(file, page)
        else:
            with tempfile.TemporaryDirectory() as folder:
                # under its own name, which errors tell
                copy = Path(folder) / file.name
                copy.write_bytes(data)
                loaded = images.load(copy, page)
    except ImageReadError as error:
        return _Pixels(np.zeros((0, 0, 3), np.uint8), error=str(error))
    return _Pixels(loaded.pixels, loaded.orientation, loaded.content_hash)


class _Worker:
    """The actor."""

    def __init__(self, request: PrelabelRequest, asked: Sequence[Question]) -> None:
        self._request, self._asked = request, asked
        self._looker: Looker | None = None

    def load(self) -> str:
        """Load the engine; the sentence why that cannot be, or empty."""
        from inference.registry import create_engine

        try:
            engine = create_engine(self._request.engine)
            self._looker = Looker(engine, self._request, self._asked, Control())
        except EngineError as error:
            return str(error)
        return ""

    def look(self, image_id: int, decoded: _Pixels) -> Outcome | str:
        """The outcome, or the sentence why no image can be looked at."""
        if decoded.error:
            return Outcome(image_id, error=decoded.error)
        looker = self._looker
        assert looker is not None
        loaded = LoadedImage(decoded.pixels, decoded.pixels, decoded.orientation, decoded.content_hash)
        try:
            return looker.outcome(image_id, lambda: (loaded, looker.answer(looker.encode(loaded))))
        except (PrelabelError, EngineError) as error:
            return str(error)


@dataclass(slots=True, eq=False)
class _Piece:
    """An image to be looked at. ``suspect``: a worker died that had it; ``blamed``: how often it seemed to be why."""

    task: Task
    future: Future[Outcome]
    suspect: bool = False
    blamed: int = 0


@dataclass(slots=True, eq=False)
class _Slot:
    """An actor, what it was asked in this order, and whether it has loaded its engine."""

    actor: Any
    loading: Any
    asked: deque[tuple[Any, _Piece]] = field(default_factory=deque)
    ready: bool = False

    def takes(self, piece: _Piece) -> bool:
        """Whether the actor may have this piece now. A suspect has an actor to itself: what finished just before a
        death may never be heard of, so of two pieces it cannot be told which one killed."""
        if piece.suspect or any(other.suspect for _, other in self.asked):
            return self.ready and not self.asked
        return self.ready and len(self.asked) < QUEUED


class RayFinder:
    """``address`` of a cluster, or :data:`LOCAL`; ``workers`` 0: one per GPU, without any one per two CPUs.

    ``send``: give the bytes of the images to the workers, which then need not have the files. Raises
    :class:`PrelabelError` when Ray is not installed or there is no cluster.
    """

    def __init__(
        self,
        request: PrelabelRequest,
        asked: Sequence[Question],
        control: Control,
        address: str,
        workers: int = 0,
        *,
        send: bool = False,
    ) -> None:
        try:
            import ray
        except ImportError:
            raise PrelabelError("Ray is not installed; `pip install maskwright[cluster]` adds it.") from None
        self._ray, self._control, self._send = ray, control, send
        # Ray prints its warnings; standard output is for the answer
        self._stdout = contextlib.redirect_stdout(sys.stderr)
        self._stdout.__enter__()
        try:
            self._connect(address)
        except BaseException:
            self._stdout.__exit__(None, None, None)
            raise
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        count = workers or gpus or max(1, int(resources.get("CPU", 1)) // CPUS_EACH)
        cpus = min(CPUS_EACH, max(1, int(resources.get("CPU", 1)) // count))
        self._actor = ray.remote(num_gpus=1 if gpus else 0, num_cpus=cpus)(_Worker)
        # no processors of its own: the actors may have them all, and it is the actors that limit how many there are
        self._decoder = ray.remote(num_cpus=0)(_decode)
        self._setup = (ray.put(request), ray.put(tuple(asked)))
        self.workers = count
        self._waiting: deque[_Piece] = deque()
        self._guard = threading.Condition()
        self._closed = False
        self._problem: Exception | None = None
        self._barren = 0
        self._slots = [self._new_slot() for _ in range(count)]
        self._pump = threading.Thread(target=self._work, name="ray", daemon=True)
        self._pump.start()

    def _connect(self, address: str) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if address == LOCAL:
            options["include_dashboard"] = False
        else:
            options["address"] = address
        try:
            self._ray.init(**options)
        except Exception as error:  # Ray raises plain Exceptions as well, for a node that starts too slowly
            # what was begun to start would stay behind
            self._ray.shutdown()
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            raise PrelabelError(f"There is no Ray cluster at {address}: {reason}.") from error

    @property
    def ahead(self) -> int:
        return (QUEUED + 1) * self.workers

    def begin(self, task: Task) -> Future[Outcome]:
        piece = _Piece(task, Future())
        with self._guard:
            if self._problem is not None:
                piece.future.set_exception(self._problem)
            else:
                self._waiting.append(piece)
                self._guard.notify()
        return piece.future

    def close(self) -> None:
        with self._guard:
            self._closed = True
            self._guard.notify()
        self._pump.join()
        for slot in self._slots:
            with contextlib.suppress(Exception):
                self._ray.kill(slot.actor)
        self._ray.shutdown()
        self._stdout.__exit__(None, None, None)

    # -- on the thread that talks to Ray ----------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._closed:
            try:
                self._hand_out()
                self._collect()
            except Exception as error:  # the cluster is gone: everything that waits must hear of it
                log.exception("The connection to the Ray cluster broke")
                self._give_up(PrelabelError(f"The Ray cluster does not answer any more: {error}."))
                return

    def _new_slot(self) -> _Slot:
        actor = self._actor.remote(*self._setup)
        return _Slot(actor, actor.load.remote())

    def _hand_out(self) -> None:
        while True:
            with self._guard:
                if not self._waiting:
                    return
                free = [slot for slot in self._slots if slot.takes(self._waiting[0])]
                if not free:
                    return
                piece = self._waiting.popleft()
            task = piece.task
            try:
                data = task.file.read_bytes() if self._send else None
            except OSError as error:
                reason = f"{task.file.name}: {error.strerror or error}."
                piece.future.set_result(Outcome(task.image_id, error=reason))
                continue
            slot = min(free, key=lambda slot: len(slot.asked))
            pixels = self._decoder.remote(task.file, task.page, data)
            slot.asked.append((slot.actor.look.remote(task.image_id, pixels), piece))

    def _collect(self) -> None:
        """Wait a little for answers, and take them."""
        owners = {slot.loading: slot for slot in self._slots if not slot.ready}
        owners |= {answer: slot for slot in self._slots for answer, _ in slot.asked}
        if not owners or all(slot.ready and not slot.asked for slot in self._slots):
            with self._guard:
                if not self._waiting and not self._closed:
                    self._guard.wait(_LOOK)
            return
        done, _ = self._ray.wait(list(owners), num_returns=1, timeout=_LOOK)
        for answer in done:
            slot = owners[answer]
            try:
                value = self._ray.get(answer)
            except self._ray.exceptions.RayActorError as error:
                self._replace(slot, str(error))
            except self._ray.exceptions.RayError as error:
                # decoding failed in a way that has no sentence: only this image is lost
                self._answered(slot, answer, Outcome(0, error=f"It could not be decoded: {type(error).__name__}."))
            else:
                self._take(slot, answer, value)

    def _take(self, slot: _Slot, answer: Any, value: Outcome | str) -> None:
        if answer == slot.loading:
            if value:
                self._give_up(PrelabelError(f"A worker of the cluster cannot load the engine: {value}"))
            slot.ready, self._barren = True, 0
        elif isinstance(value, str):
            self._give_up(PrelabelError(value))
        else:
            self._answered(slot, answer, value)

    def _answered(self, slot: _Slot, answer: Any, outcome: Outcome) -> None:
        piece = next(piece for known, piece in slot.asked if known == answer)
        slot.asked = deque(pair for pair in slot.asked if pair[1] is not piece)
        if outcome.image_id != piece.task.image_id:
            outcome = Outcome(piece.task.image_id, error=f"{piece.task.file.name}: {outcome.error}")
        piece.future.set_result(outcome)

    def _replace(self, slot: _Slot, reason: str) -> None:
        """A new actor for one that died. An actor works in order, so it was at the first image without an answer;
        all that it had are looked at alone now, before that first one is blamed for good."""
        log.warning("A worker of the cluster died: %s", reason.partition("\n")[0])
        self._barren = 0 if slot.ready else self._barren + 1
        if self._barren >= BARREN * self.workers:
            self._give_up(PrelabelError(f"The workers of the cluster die before they have loaded the engine: {reason}"))
            return
        self._take_finished(slot)
        lost = [piece for _, piece in slot.asked]
        for piece in lost:
            piece.suspect = True
        if lost:
            lost[0].blamed += 1
            if lost[0].blamed >= BLAMED:
                piece = lost.pop(0)
                sentence = f"{piece.task.file.name}: {BLAMED} workers died of it."
                piece.future.set_result(Outcome(piece.task.image_id, error=sentence))
        with self._guard:
            self._waiting.extendleft(reversed(lost))
        self._slots[self._slots.index(slot)] = self._new_slot()

    def _take_finished(self, slot: _Slot) -> None:
        """Take the answers that a dead actor had given and that were not fetched yet."""
        for answer, _ in list(slot.asked):
            if self._problem is not None or not self._ray.wait([answer], timeout=0)[0]:
                return
            try:
                value = self._ray.get(answer)
            except self._ray.exceptions.RayError:
                return
            self._take(slot, answer, value)

    def _give_up(self, problem: Exception) -> None:
        with self._guard:
            self._problem = problem
            pieces = [*self._waiting, *(piece for slot in self._slots for _, piece in slot.asked)]
            self._waiting.clear()
        for slot in self._slots:
            slot.asked.clear()
        for piece in pieces:
            piece.future.set_exception(problem)
