"""Exit codes and the one place where errors become one sentence on stderr (design.md §6)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer
from rich.console import Console

from desktop.dataset.errors import DatasetError
from inference.engine import EngineError, WeightsMissing

stderr = Console(stderr=True)
"""Logs, progress and tables for people; stdout is for results."""


class Exit(IntEnum):
    DONE = 0
    SOME_FAILED = 1
    BAD_INPUT = 2
    WEIGHTS_MISSING = 3
    INTERRUPTED = 130


class BadInput(Exception):
    """Wrong usage or bad input; the text is one sentence."""


@contextmanager
def failures_as_sentences() -> Iterator[None]:
    """Turn expected errors into their sentence and exit code. Unexpected ones keep their traceback: they are bugs."""
    try:
        yield
    except WeightsMissing as error:
        _stop(error, Exit.WEIGHTS_MISSING)
    except (BadInput, DatasetError, EngineError) as error:
        _stop(error, Exit.BAD_INPUT)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _stop(f"{place}{(error.strerror or str(error)).lower()}.", Exit.BAD_INPUT)
    except KeyboardInterrupt:
        _stop("Interrupted; finished work is kept.", Exit.INTERRUPTED)


def _stop(message: object, code: Exit) -> None:
    stderr.print(str(message), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code) from None


def print_json(value: Any) -> None:
    """One JSON object on stdout, in UTF-8 whatever the locale says."""
    sys.stdout.buffer.write(json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n")
    sys.stdout.flush()
