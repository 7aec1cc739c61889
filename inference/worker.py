"""The child process: engines run here, so that no import of torch, crash or lack of memory can reach the window.

It is started as ``python -P -m inference.worker CHANNEL`` and, in a frozen build, as the program itself with
:data:`FLAG`; never through ``multiprocessing``, which would import the parent's main module again. Commands come in
on standard input, answers leave on standard output (what libraries print there goes to standard error instead). When
the parent is gone, standard input ends and the process leaves at once, whatever it is computing.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
import threading
from dataclasses import replace
from typing import IO

from inference import pipe, registry, shared_pixels, text_embeddings
from inference.commands import Answer, Attach, Broke, Command, Configure, Detach, Done, Pin, Quit, Run, Stop, Unload
from inference.engine import Image
from inference.features import FeatureCache
from inference.messages import FailureKind
from inference.outbox import Outbox
from inference.runner import Runner

FLAG = "--inference-worker"


def run_if_asked(arguments: list[str]) -> None:
    """First line of a frozen program's main: become the worker when :data:`FLAG` says so; never returns then."""
    if FLAG in arguments:
        main(arguments[arguments.index(FLAG) + 1 :])
        sys.exit(0)


def main(arguments: list[str]) -> None:
    """``arguments``: the descriptor of the channel for pixels, or -1 where there is none (Windows)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is the parent's business
    faulthandler.enable()
    os.environ["HF_HUB_OFFLINE"] = "1"  # no library may fetch what nobody asked for; downloads are not made here
    commands, answers = _own_pipes()
    number = int(arguments[0]) if arguments else -1
    channel = socket.socket(fileno=number) if number >= 0 else None
    Worker(commands, answers, channel).run()


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Take the standard streams for ourselves, and let everything else that prints do so on standard error."""
    commands = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.dup2(2, 1)
    return commands, answers


class Worker:
    """The runner on the main thread, the commands on a second, the answers on a third one."""

    def __init__(self, commands: IO[bytes], answers: IO[bytes], channel: socket.socket | None) -> None:
        self._commands = commands
        self._answers = answers
        self._channel = channel
        self._images: dict[str, Image] = {}
        self._outbox = Outbox(self._write)
        self._runner = Runner(self._outbox, registry.create_engine, FeatureCache())
        self._reader = threading.Thread(target=self._read, name="inference commands", daemon=True)

    def run(self) -> None:
        self._reader.start()
        self._runner.run()
        self._outbox.close()

    def _read(self) -> None:
        try:
            while True:
                self._obey(pipe.read(self._commands))
        except BaseException:
            # the parent is gone or its pipe is broken: nobody is left to work for, and native code may never return
            os._exit(0)

    def _obey(self, command: Command) -> None:
        match command:
            case Run():
                image = self._images[command.request.image.content_hash]
                self._runner.submit(replace(command, request=replace(command.request, image=image)))
            case Stop():
                self._runner.stop(command)
            case Attach():
                pixels = shared_pixels.receive(self._channel, command.name, command.height, command.width)
                self._images[command.content_hash] = Image(pixels, command.content_hash)
            case Detach():
                self._images.pop(command.content_hash, None)
            case Pin():
                self._runner.later(lambda: self._runner.pin(command.content_hash))
            case Unload():
                self._runner.later(lambda: self._runner.unload(command.engine))
            case Configure():
                self._configure(command)
            case Quit():
                self._runner.close()

    def _configure(self, command: Configure) -> None:
        """Comes first, before any job."""
        self._runner.cache = FeatureCache(command.budgets)
        if command.budgets.disk_folder is not None:
            folder = os.path.join(command.budgets.disk_folder, "texts")
            text_embeddings.share(text_embeddings.TextEmbeddings(folder))

    def _write(self, answer: Answer) -> None:
        try:
            data = pipe.packed(answer)
        except Exception as error:
            if not isinstance(answer, Done):
                raise
            sentence = "The engine returned something that cannot be sent to the window."
            data = pipe.packed(Broke(answer.job, FailureKind.INTERNAL, sentence, str(error)))
        try:
            pipe.write(self._answers, data)
        except OSError:
            os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
