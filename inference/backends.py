"""Where the server's jobs run: on a thread of this process, or in a child process that may die."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import IO, Protocol

import numpy as np

from inference import add_on, pipe, registry, worker
from inference.commands import Answer, Attach, Command, Configure, Detach, Pin, Quit, Run, Stop, Unload
from inference.engine import Image
from inference.features import Budgets, FeatureCache
from inference.outbox import Outbox
from inference.runner import Runner
from inference.shared_pixels import SharedPixels

log = logging.getLogger(__name__)

IMAGES_KEPT = 2
"""Images that stay in shared memory without a job: going back to the last one then costs no copy."""


class Backend(Protocol):
    """Takes commands from the server's thread; answers come back on a thread of the backend."""

    def send(self, command: Command) -> None: ...

    def release_images(self, in_use: Collection[str]) -> None:
        """Forget the pixels of images that no job needs, but for the last few."""
        ...

    def close(self, timeout: float) -> bool:
        """End within ``timeout`` seconds; False when the work could only be left behind, not ended."""
        ...

    def kill(self) -> None:
        """End at once where that is possible. May be called from any thread."""
        ...


class ThreadBackend:
    """Engines in this process, on one thread."""

    def __init__(self, answer: Callable[[Answer], None], budgets: Budgets) -> None:
        self._outbox = Outbox(answer)
        self._runner = Runner(self._outbox, registry.create_engine, FeatureCache(budgets))
        self._thread = threading.Thread(target=self._runner.run, name="inference", daemon=True)
        self._thread.start()

    def send(self, command: Command) -> None:
        match command:
            case Run():
                self._runner.submit(command)
            case Stop():
                self._runner.stop(command)
            case Pin():
                self._runner.later(lambda: self._runner.pin(command.content_hash))
            case Unload():
                self._runner.later(lambda: self._runner.unload(command.engine))
            case _:
                raise TypeError(f"{type(command).__name__} is for worker processes only.")

    def release_images(self, in_use: Collection[str]) -> None:
        pass  # pixels are not copied here

    def close(self, timeout: float) -> bool:
        self._runner.close()
        self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        self._outbox.close()
        self._runner.cache.close()
        return True

    def kill(self) -> None:
        self._runner.close()


class ProcessBackend:
    """Engines in a child process. ``died`` is called once, with a short reason and what it last wrote."""

    def __init__(
        self,
        answer: Callable[[Answer], None],
        died: Callable[[str, str], None],
        budgets: Budgets,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``environment``: variables that the child has besides those of this process."""
        self._answer = answer
        self._died = died
        self._images: OrderedDict[str, SharedPixels] = OrderedDict()
        self._last_words: deque[str] = deque(maxlen=80)
        self._channel: socket.socket | None = None
        theirs: socket.socket | None = None
        if sys.platform != "win32":
            self._channel, theirs = socket.socketpair()
        number = theirs.fileno() if theirs is not None else -1
        command, variables = _start()
        self._process = subprocess.Popen(
            [*command, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(number,) if theirs is not None else (),
            env={**variables, **(environment or {})},
        )
        if theirs is not None:
            theirs.close()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._commands: IO[bytes] = self._process.stdin
        self._stderr = threading.Thread(
            target=self._listen_to_stderr, args=(self._process.stderr,), name="worker's stderr", daemon=True
        )
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), name="worker's answers", daemon=True
        )
        self._stderr.start()
        self._reader.start()
        self.send(Configure(budgets))

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, command: Command) -> None:
        """A command to a dead worker is lost: its death is on the way to the server as well."""
        with contextlib.suppress(OSError):
            if isinstance(command, Run):
                image = command.request.image
                self._share(image)
                bare = Image(np.zeros((0, 0, 3), np.uint8), image.content_hash)
                command = replace(command, request=replace(command.request, image=bare))
            pipe.write(self._commands, pipe.packed(command))

    def release_images(self, in_use: Collection[str]) -> None:
        idle = [content_hash for content_hash in self._images if content_hash not in in_use]
        for content_hash in idle[: max(0, len(idle) - IMAGES_KEPT)]:
            self._images.pop(content_hash).close()
            self.send(Detach(content_hash))

    def close(self, timeout: float) -> bool:
        self.send(Quit())
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reader.join()
        self._stderr.join()
        with contextlib.suppress(OSError):
            self._commands.close()
        self._free()
        return True

    def kill(self) -> None:
        self._process.kill()

    def _share(self, image: Image) -> None:
        if image.content_hash in self._images:
            self._images.move_to_end(image.content_hash)
            return
        shared = SharedPixels(image.pixels, f"maskwright-{secrets.token_hex(8)}")
        self._images[image.content_hash] = shared
        shared.send(self._channel)
        attach = Attach(image.content_hash, shared.height, shared.width, shared.name)
        pipe.write(self._commands, pipe.packed(attach))

    def _free(self) -> None:
        for shared in self._images.values():
            shared.close()
        self._images.clear()
        if self._channel is not None:
            self._channel.close()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            try:
                while True:
                    self._answer(pipe.read(stream))
            except Exception as error:  # also a message that cannot be read: such a worker is of no use any more
                if not isinstance(error, EOFError):
                    log.exception("An answer of the inference worker could not be read")
        self._process.kill()
        code = self._process.wait()
        self._stderr.join(2.0)
        self._died(_reason(code), "\n".join(self._last_words))

    def _listen_to_stderr(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                text = line.decode("utf-8", "replace").rstrip()
                self._last_words.append(text)
                log.info("worker: %s", text)


def _start() -> tuple[list[str], dict[str, str]]:
    """The worker's command line and variables: the add-on environment where there is one, else the program itself.

    A frozen program starts itself as the worker; an interpreter must not search the current folder (``-P``).
    """
    elsewhere = add_on.python()
    if elsewhere is not None:
        return [str(elsewhere), "-P", "-m", "inference.worker"], add_on.child_environment(os.environ)
    if getattr(sys, "frozen", False):
        return [sys.executable, worker.FLAG], dict(os.environ)
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return [sys.executable, "-P", "-m", "inference.worker"], {**os.environ, "PYTHONPATH": path}


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
