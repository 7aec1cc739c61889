"""The writer thread: every batch of changes becomes one transaction within a second, or is kept and tried again."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from desktop.dataset.changes import Batch
from desktop.dataset.project_file import begin_wal, connect, rotate_backup, save_failure
from desktop.dataset.recovery import write_journal
from desktop.dataset.rows import write

RETRY_SECONDS = 5.0


class SaveStatus(StrEnum):
    SAVED = "saved"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SaveState:
    """Whether all changes are in the file. ``at`` is when the last were written; ``sentence`` says why not."""

    status: SaveStatus
    pending: int = 0
    at: datetime | None = None
    sentence: str = ""


class Writer:
    """Owns the only connection that writes. ``written`` is called with batches after their commit, ``changed`` with
    each new state; both on the writer thread, so they must be quick and thread-safe."""

    def __init__(
        self,
        path: Path,
        journal: Path,
        written: Callable[[list[Batch]], None],
        changed: Callable[[SaveState], None],
    ) -> None:
        self.path = path
        self.state = SaveState(SaveStatus.SAVED)
        self.backup_error = ""
        self._journal = journal
        self._written = written
        self._changed = changed
        self._queue: deque[Batch] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._retry = False
        self._attempts = 0
        self._identity = _identity(path)
        self._connection = connect(path, read_only=False)
        begin_wal(self._connection)
        self._version = self._data_version()
        self._thread = threading.Thread(target=self._run, name="project writer", daemon=True)
        self._thread.start()

    def put(self, batch: Batch) -> None:
        with self._wake:
            self._queue.append(batch)
            was_saved = self.state.status is SaveStatus.SAVED
            if self.state.status is not SaveStatus.FAILED:
                self.state = SaveState(SaveStatus.PENDING, len(self._queue), self.state.at)
            self._wake.notify_all()
        if was_saved:
            self._changed(self.state)

    def pending(self) -> list[Batch]:
        with self._wake:
            return list(self._queue)

    def flush(self, timeout: float) -> SaveState:
        """Wait until the queue was written, or one more attempt has failed, or the time is over."""
        with self._wake:
            if not self._queue:
                return self.state
            attempts = self._attempts
            self._retry = True
            self._wake.notify_all()
            self._wake.wait_for(
                lambda: not self._queue or (self._attempts > attempts and self.state.status is SaveStatus.FAILED),
                timeout,
            )
            return self.state

    def stop(self, timeout: float = 10.0) -> list[Batch]:
        """Try to write what is left, end the thread, and return what could not be written."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join(timeout)
        return self.pending()

    def close_file(self) -> None:
        """After ``stop``, and as the last connection: SQLite then folds its log into the file and removes it."""
        if not self._thread.is_alive():
            self._connection.close()

    def _run(self) -> None:
        try:
            rotate_backup(self.path)
        except (OSError, sqlite3.Error) as error:
            self.backup_error = f"No backup copy of {self.path.name} was made: {error}."
        while True:
            with self._wake:
                if self.state.status is SaveStatus.FAILED:
                    self._wake.wait_for(lambda: self._stopping or self._retry, RETRY_SECONDS)
                else:
                    self._wake.wait_for(lambda: self._stopping or bool(self._queue))
                self._retry = False
                batches, stopping = list(self._queue), self._stopping
            if batches:
                self._attempt(batches)
            elif stopping:
                return
            if stopping and self.state.status is SaveStatus.FAILED:
                return

    def _attempt(self, batches: list[Batch]) -> None:
        try:
            self._check_unchanged()
            self._write(batches)
        except (sqlite3.Error, OSError) as error:
            self._fail(save_failure(error, self.path.name))
            return
        self._written(batches)
        self._journal.unlink(missing_ok=True)
        with self._wake:
            for _ in batches:
                self._queue.popleft()
            self._attempts += 1
            rest = len(self._queue)
            now = datetime.now(UTC)
            self.state = SaveState(SaveStatus.PENDING if rest else SaveStatus.SAVED, rest, now)
            self._wake.notify_all()
        self._changed(self.state)

    def _write(self, batches: list[Batch]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for batch in batches:
                for change in batch.changes:
                    write(change, connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _fail(self, sentence: str) -> None:
        with self._wake:
            batches = list(self._queue)
        try:
            write_journal(self._journal, self.path, batches)
            sentence += " Changes are safe in the recovery journal."
        except OSError:
            sentence += " Changes are kept in memory only: the recovery journal cannot be written either."
        with self._wake:
            self._attempts += 1
            self.state = SaveState(SaveStatus.FAILED, len(self._queue), self.state.at, sentence)
            self._wake.notify_all()
        self._changed(self.state)

    def _check_unchanged(self) -> None:
        """Refuse to write over what another program did to the file since this one last wrote."""
        if _identity(self.path) != self._identity:
            raise OSError(f"{self.path.name} was replaced by another program; use Save elsewhere to keep both")
        version = self._data_version()
        if version != self._version:
            self._version = version
            raise OSError(f"{self.path.name} was changed by another program; it is saved on the next try")

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino)
