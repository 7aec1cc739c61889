"""The inference server: takes requests, schedules them, and tells subscribers what happens (design.md §4).

All bookkeeping happens on one thread, the one that calls :meth:`Server.serve`; the public methods only leave a note
for it and return at once, from any thread. The pixels of an image are copied to the worker by that thread, too.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from functools import partial

from inference import device, registry
from inference.backends import Backend, ProcessBackend, ThreadBackend
from inference.commands import Answer, Broke, Done, Pin, Run, Stop, Stopped, Unload, Yielded
from inference.engine import Cancelled, EngineError, Speed
from inference.features import Budgets
from inference.messages import (
    CacheChanged,
    DeviceInfo,
    Dropped,
    EngineChanged,
    EngineState,
    Event,
    Failed,
    FailureKind,
    Finished,
    Progress,
    Request,
    Started,
    WorkerRestarted,
)
from inference.schedule import Consequences, Ending, Job, Schedule

log = logging.getLogger(__name__)

Listener = Callable[[Event], None]

GRACE = 1.0
"""Seconds for a worker that was ended to be gone."""

STARTS = 3
"""How often in a row a worker may die without having begun a job before the jobs are given up."""


class JobFailed(EngineError):
    """A job that someone waited for failed; its text is the sentence, ``event`` the whole report."""

    def __init__(self, event: Failed) -> None:
        super().__init__(event.message)
        self.event = event


class ServerClosed(RuntimeError):
    """A request came after :meth:`Server.close`."""


class Server:
    """What :class:`InProcess` and :class:`Supervised` share. Listeners are called on the serving thread, in order."""

    def __init__(self, budgets: Budgets | None = None) -> None:
        self._budgets = budgets or Budgets()
        self._notes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._listeners: tuple[Listener, ...] = ()
        self._schedule = Schedule(_is_instant)
        self._backend: Backend | None = None
        self._closing = threading.Event()
        self._served = threading.Event()
        self._ended = True
        self._pinned: str | None = None
        self._barren_starts = 0
        self._thread: threading.Thread | None = None

    # --- from any thread

    def start(self) -> None:
        """Serve on a thread of its own (instead of calling :meth:`serve` on one)."""
        self._thread = threading.Thread(target=self.serve, name="inference server", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> int:
        """Queue a request; returns the number of its job, which all its events carry."""
        if self._closing.is_set():
            raise ServerClosed("The inference server is closed.")
        number = next(self._numbers)
        self._notes.put(partial(self._submit, number, request))
        return number

    def cancel(self, job: int) -> None:
        """End a job: at once while it waits, at its next ``report`` while it runs. It is reported as Dropped."""
        self._notes.put(lambda: self._apply(self._schedule.cancel(job)))

    def close_session(self, session: str) -> None:
        """End all jobs of a session; results that are on their way are dropped."""
        self._notes.put(lambda: self._apply(self._schedule.close_session(session)))

    def pin(self, content_hash: str | None) -> None:
        """Name the current image: its features are never evicted."""
        self._notes.put(partial(self._pin, content_hash))

    def restart_engine(self, name: str) -> None:
        """Unload an engine, so that its next use loads it again; ends a worker that is busy with it."""
        self._notes.put(partial(self._restart_engine, name))

    def use_cpu(self, reason: str) -> None:
        """Compute on the CPU from now on, in a new worker; ``reason`` is for the device line. What runs starts again.

        Engines in this process stay where they are: torch was told its device when they were loaded.
        """
        self._notes.put(partial(self._use_cpu, reason))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear all events from now on; returns what ends that. Listeners must return quickly."""
        self._listeners = (*self._listeners, listener)
        return lambda: setattr(self, "_listeners", tuple(other for other in self._listeners if other is not listener))

    def run_to_end(self, request: Request, listener: Listener | None = None) -> Finished:
        """Submit and wait; for the command line. ``listener`` hears the job's events meanwhile.

        Raises :class:`JobFailed`, or :class:`Cancelled` when the job was dropped. An interruption cancels the job.
        """
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        unsubscribe = self.subscribe(events.put)
        try:
            job = self.submit(request)
            try:
                while True:
                    event = events.get()
                    if getattr(event, "job", job) != job:
                        continue
                    if isinstance(event, Finished):
                        return event
                    if isinstance(event, Failed):
                        raise JobFailed(event)
                    if isinstance(event, Dropped):
                        raise Cancelled
                    if listener is not None:
                        listener(event)
            except KeyboardInterrupt:
                self.cancel(job)
                raise
        finally:
            unsubscribe()

    def close(self, timeout: float = 2.0) -> bool:
        """End the worker within about ``timeout`` seconds; jobs that did not end are reported as Dropped.

        False when something still runs (only possible in this process: a thread inside native code).
        """
        first = not self._closing.is_set()
        self._closing.set()
        if first:
            self._notes.put(partial(self._close, timeout))
        if self._thread is None or threading.current_thread() is self._thread:
            return self._served.is_set() and self._ended
        if not self._served.wait(timeout + 0.5):
            # the serving thread may hang in writing to a worker that does not read
            self.kill()
            self._served.wait(1.0)
        self._thread.join(1.0)
        return self._ended and not self._thread.is_alive()

    def kill(self) -> None:
        """End the worker at once, whatever it is doing; for :meth:`close` when time is up."""
        backend = self._backend
        if backend is not None:
            backend.kill()

    # --- the serving thread

    def serve(self) -> None:
        """Work on the notes until :meth:`close`."""
        try:
            while not self._served.is_set():
                self._notes.get()()
        finally:
            self._served.set()

    def _new_backend(self) -> Backend:
        raise NotImplementedError

    def _submit(self, number: int, request: Request) -> None:
        try:
            registry.spec(request.engine)
        except EngineError as error:
            self._tell(Failed(number, request, FailureKind.ENGINE, str(error)))
            return
        self._apply(self._schedule.add(number, request))

    def _apply(self, consequences: Consequences) -> None:
        for job in consequences.dropped:
            self._tell(Dropped(job.id, replaced=job.ending is Ending.REPLACED))
        for job in consequences.stopping:
            self._send(Stop(job.id, keep_features=job.ending is Ending.REPLACED))
        self._dispatch()

    def _dispatch(self) -> None:
        while (job := self._schedule.next_to_send()) is not None:
            if self._backend is None and not self._start_backend():
                return
            assert self._backend is not None
            self._backend.send(Run(job.id, job.priority, job.request))
        if self._backend is not None:
            self._backend.release_images({job.request.image.content_hash for job in self._schedule.jobs()})

    def _start_backend(self) -> bool:
        try:
            self._backend = self._new_backend()
        except OSError as error:
            self._give_up(f"The inference worker cannot be started: {error}.", "")
            return False
        if self._pinned is not None:
            self._backend.send(Pin(self._pinned))
        return True

    def _send(self, command: Stop | Pin | Unload) -> None:
        if self._backend is not None:
            self._backend.send(command)

    def _pin(self, content_hash: str | None) -> None:
        self._pinned = content_hash
        self._send(Pin(content_hash))

    def _restart_engine(self, name: str) -> None:
        running = self._schedule.running()
        if running is not None and running.request.engine == name and self._backend is not None:
            self._interrupt(running)
        self._send(Unload(name))

    def _use_cpu(self, reason: str) -> None:
        """See :meth:`use_cpu`; only a worker process can change its device."""

    def _interrupt(self, job: Job) -> None:
        """Get a busy engine out of the way; a thread can only be asked."""
        self._apply(self._schedule.cancel(job.id))

    def _hear(self, answer: Answer) -> None:
        match answer:
            case Done():
                self._barren_starts = 0
                job = self._schedule.finished(answer.job)
                if job is not None and job.ending is Ending.CANCELLED:
                    self._tell(Dropped(job.id))
                elif job is not None:
                    self._tell(Finished(job.id, job.request, answer.result, answer.encode_ms, answer.run_ms))
            case Broke():
                job = self._schedule.finished(answer.job)
                if job is not None and job.ending is not None:
                    self._tell(Dropped(job.id, replaced=job.ending is Ending.REPLACED))
                elif job is not None:
                    self._tell(Failed(job.id, job.request, answer.kind, answer.message, answer.details))
            case Stopped() | Yielded():
                self._ended_early(answer.job, again=isinstance(answer, Yielded))
            case Started() | Progress():
                job = self._schedule.get(answer.job)
                if isinstance(answer, Started):
                    self._schedule.started(answer.job)
                if job is not None and job.ending is None:
                    self._tell(answer)
            case _:
                self._tell(answer)
        if isinstance(answer, Done | Broke | Stopped | Yielded):
            self._dispatch()

    def _ended_early(self, number: int, again: bool) -> None:
        job = self._schedule.get(number)
        if job is not None and job.ending is None and again:
            self._schedule.yielded(number)
        elif job is not None:
            self._schedule.finished(number)
            self._tell(Dropped(number, replaced=job.ending is Ending.REPLACED))

    def _worker_died(self, backend: Backend, reason: str, details: str) -> None:
        """Costs the job that ran, and no other (design.md §4)."""
        if backend is not self._backend or self._closing.is_set():
            return
        backend.close(0.0)
        self._backend = None
        log.warning("The inference worker died (%s)", reason)
        victim = self._schedule.running()
        self._take_back(victim)
        if victim is not None:
            self._barren_starts = 0
            self._blame(victim, reason, details)
        else:
            self._barren_starts += 1
        if self._barren_starts >= STARTS:
            self._give_up(f"The inference worker stopped {STARTS} times while starting ({reason}).", details)
        elif self._start_backend():
            self._tell(WorkerRestarted(reason))
            self._dispatch()

    def _take_back(self, victim: Job | None) -> None:
        """What was sent to a worker that is gone waits again, but for the ``victim``."""
        for job in self._schedule.jobs():
            if job.ending is not None:
                self._ended_early(job.id, again=False)
            elif job is not victim and job.sent:
                self._schedule.yielded(job.id)
        self._tell(CacheChanged(0, 0, self._budgets.ram_bytes))

    def _blame(self, victim: Job, reason: str, details: str) -> None:
        if self._schedule.finished(victim.id) is None:
            return  # it was being stopped anyway
        engine = victim.request.engine
        sentence = f"{registry.spec(engine).title} stopped unexpectedly ({reason}). Your prompts are kept."
        self._tell(EngineChanged(engine, EngineState.FAILED, sentence))
        self._tell(Failed(victim.id, victim.request, FailureKind.WORKER_DIED, sentence, details))

    def _give_up(self, sentence: str, details: str) -> None:
        """Fail what waits; the next request tries to start a worker again."""
        self._barren_starts = 0
        for job in self._schedule.jobs():
            self._schedule.finished(job.id)
            self._tell(Failed(job.id, job.request, FailureKind.WORKER_DIED, sentence, details))

    def _close(self, timeout: float) -> None:
        if self._backend is not None:
            self._ended = self._backend.close(timeout)
        for job in self._schedule.jobs():
            self._schedule.finished(job.id)
            self._tell(Dropped(job.id))
        self._served.set()

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                log.exception("A listener of the inference server failed")


class InProcess(Server):
    """Engines in this process, for the command line, scripts and tests. Starts serving at once."""

    def __init__(self, budgets: Budgets | None = None) -> None:
        super().__init__(budgets)
        self.start()

    def _new_backend(self) -> Backend:
        return ThreadBackend(lambda answer: self._notes.put(partial(self._hear, answer)), self._budgets)


class Supervised(Server):
    """Engines in a child process, started with the first request and again when it dies.

    Call :meth:`start`, or :meth:`serve` on a thread of your own.
    """

    def __init__(self, budgets: Budgets | None = None, environment: Mapping[str, str] | None = None) -> None:
        """``environment``: variables that the worker has besides those of this process."""
        super().__init__(budgets)
        self._environment = dict(environment or {})

    def _new_backend(self) -> Backend:
        # a worker that died still has a name for its successor to be told apart from
        def hear(answer: Answer) -> None:
            self._notes.put(lambda: self._hear(answer) if self._backend is backend else None)

        def died(reason: str, details: str) -> None:
            self._notes.put(lambda: self._worker_died(backend, reason, details))

        backend = ProcessBackend(hear, died, self._budgets, self._environment)
        return backend

    def _use_cpu(self, reason: str) -> None:
        self._environment |= {device.DEVICE_VARIABLE: "cpu", device.REASON_VARIABLE: reason}
        gone, self._backend = self._backend, None
        if gone is None:
            return
        gone.kill()
        gone.close(GRACE)
        self._take_back(None)
        for spec in registry.engine_specs():
            if registry.installed(spec.name):
                self._tell(EngineChanged(spec.name, EngineState.AVAILABLE))
        self._tell(DeviceInfo("CPU", reason))
        if self._start_backend():
            self._dispatch()

    def _interrupt(self, job: Job) -> None:
        """A process can be ended in the middle of native code."""
        if self._backend is not None:
            self._backend.kill()

    @property
    def worker_pid(self) -> int | None:
        """The process id of the worker, for diagnostics; None while there is none."""
        backend = self._backend
        return backend.pid if isinstance(backend, ProcessBackend) else None


def _is_instant(engine: str) -> bool:
    try:
        return registry.spec(engine).speed is Speed.INSTANT
    except EngineError:
        return False
