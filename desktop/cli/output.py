"""What the command line prints: JSON on stdout, everything for eyes on stderr, and the exit codes of design.md §6."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True)


class Exit(IntEnum):
    """Exit codes; 130 (interrupted, finished work kept) is the shell's own convention for Ctrl+C."""

    DONE = 0
    SOME_FAILED = 1
    WRONG_INPUT = 2
    WEIGHTS_MISSING = 3
    INTERRUPTED = 130


class InputProblem(Exception):
    """Wrong usage or bad input: one clear sentence, shown as it is."""


def print_json(answer: Any) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2) + "\n")


def say(text: str) -> None:
    """A line for the person, on stderr, so that stdout stays clean for pipes."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr; the yielded function takes (done, of). Nothing is drawn when stderr is not a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        yield advance
