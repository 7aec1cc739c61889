"""Project: the one place where annotations are read and changed (design.md §5, ux.md §16).

Readers see a change as soon as ``apply`` returns; the writer thread makes it one transaction within a second. All
methods may be called from any thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from desktop.dataset import changes as c
from desktop.dataset import rows
from desktop.dataset.changes import Change
from desktop.dataset.contents import Contents
from desktop.dataset.errors import ProjectError, ProjectExists, ProjectReadOnly
from desktop.dataset.project_file import (
    SUFFIX,
    ProjectLock,
    begin_wal,
    check_content,
    check_header,
    connect,
    damage_named,
    rotate_backup,
)
from desktop.dataset.recovery import Recovery, discard_set_aside, journal_path, set_aside
from desktop.dataset.schema import VERSION, check_version, migrate
from desktop.dataset.writer import SaveState, SaveStatus, Writer

__all__ = ["FOLDER_MODE", "SUFFIX", "WHOLE_FOLDER", "Project", "SaveState", "SaveStatus"]

FOLDER_MODE, WHOLE_FOLDER = "folder", "whole"
"""The project setting (and its value) that says: images that are new in the folder belong to the project."""


class Project(Contents):
    """An open project. Make one with :meth:`create` or :meth:`open`; close it, or use it as a context manager.

    ``read_only_reason`` is empty when it can be changed, else a sentence. ``state_folder`` (of ``create`` and
    ``open``) is where recovery journals go, by default the user's state folder.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: ProjectLock | None, reason: str, journal: Path
    ) -> None:
        """Internal: :meth:`create` and :meth:`open` check the file first."""
        super().__init__(path, connection)
        self.read_only_reason = reason
        self.recovery: Recovery | None = None
        self._lock = lock
        self._journal = journal
        self._listeners: list[Callable[[SaveState], None]] = []
        self._closed = False
        self._writer: Writer | None = None
        if not reason:
            # set aside, so that a save of this run neither deletes nor replaces what was not restored yet
            self.recovery = set_aside(journal)
            self._writer = Writer(path, journal, self._on_written, self._on_state)

    # opening and closing

    @classmethod
    def create(cls, path: Path | str, *, state_folder: Path | None = None) -> Project:
        """Make a new, empty project file. Raises :class:`ProjectExists` when there is one, ProjectError otherwise."""
        path = Path(path).absolute()
        if path.suffix != SUFFIX:
            path = path.with_name(path.name + SUFFIX)
        if path.exists():
            raise ProjectExists(f"{path.name} exists already in {path.parent}.")
        # under another name until it is whole: what a kill leaves behind would not be recognised as a project
        fresh = path.with_name(f".{path.name}.new")
        try:
            for leftover in ("", "-wal", "-shm"):
                fresh.with_name(fresh.name + leftover).unlink(missing_ok=True)
            fresh.touch()
            with closing(connect(fresh, read_only=False)) as connection:
                begin_wal(connection)
                migrate(connection)
            if path.exists():
                raise FileExistsError(errno.EEXIST, "it exists already")
            for leftover in ("-wal", "-shm"):
                # of a project that was deleted after a crash: SQLite would play its log into the new file
                path.with_name(path.name + leftover).unlink(missing_ok=True)
            fresh.rename(path)
        except (OSError, sqlite3.Error) as error:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            reason = getattr(error, "strerror", None) or str(error)
            raise ProjectError(f"{path.name} could not be created in {path.parent}: {reason}.") from error
        return cls.open(path, state_folder=state_folder)

    @classmethod
    def open(cls, path: Path | str, read_only: bool = False, *, state_folder: Path | None = None) -> Project:
        """Open a project; read-only (see ``read_only_reason``) when asked, locked elsewhere, or not writable.

        Raises NotAProject, ProjectDamaged, ProjectTooNew or ProjectError, each with a sentence.
        """
        path = Path(path).absolute()
        check_header(path)
        lock = ProjectLock(path)
        reason = "it was opened read-only" if read_only else lock.acquire()
        try:
            reason = reason or _not_writable(path)
            immutable = bool(reason) and not path.with_name(path.name + "-wal").exists()
            with damage_named(f"in {path.name}"):
                if not reason:
                    cls._bring_up_to_date(path)
                connection = connect(path, read_only=True, immutable=immutable and not read_only)
            with damage_named(f"in {path.name}"):
                version = check_version(connection, path.name)
                check_content(connection, path)
            if version < VERSION:
                connection.close()
                raise ProjectError(
                    f"{path.name} has an older format and must be opened for writing once, but {reason}."
                )
            sentence = f"{path.name} is shown read-only: {reason}." if reason else ""
            return cls(path, connection, lock, sentence, journal_path(path, state_folder))
        except BaseException:
            lock.release()
            raise

    @staticmethod
    def _bring_up_to_date(path: Path) -> None:
        with closing(connect(path, read_only=False)) as connection:
            if check_version(connection, path.name) < VERSION:
                with contextlib.suppress(OSError):
                    rotate_backup(path)
                migrate(connection)

    def close(self, timeout: float = 10.0) -> None:
        """Write what is left, let go of the file. What could not be written stays in the recovery journal."""
        if self._closed:
            return
        self._closed = True
        if self._writer is not None:
            self._writer.stop(timeout)
        with self._guard:
            self._connection.close()
        if self._writer is not None:
            self._writer.close_file()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # changing

    @property
    def read_only(self) -> bool:
        return bool(self.read_only_reason)

    def apply(self, *changes: Change) -> None:
        """Make changes: seen by readers at once, written together as one transaction at most a second later.

        Raises ProjectReadOnly, or UnknownItem for an image or class that does not exist; then nothing is changed.
        """
        if not changes:
            return
        with self._guard:
            if self._writer is None or self._closed:
                raise ProjectReadOnly(self.read_only_reason or f"{self.path.name} is closed.")
            self._check(changes)
            self._number += 1
            for change in changes:
                self._take(change)
            self._writer.put(c.Batch(self._number, changes, datetime.now(UTC).isoformat(timespec="seconds")))

    # saving

    @property
    def saved(self) -> SaveState:
        """Whether all changes are in the file, since when, or why not."""
        return SaveState(SaveStatus.SAVED) if self._writer is None else self._writer.state

    def on_saved(self, listener: Callable[[SaveState], None]) -> None:
        """Call ``listener`` with every new :class:`SaveState`, on any thread: a window queues it to its own."""
        self._listeners.append(listener)

    def flush(self, timeout: float = 10.0) -> SaveState:
        """Write now and wait; after a failure, try again. Returns the state that was reached."""
        return self.saved if self._writer is None else self._writer.flush(timeout)

    def save_copy(self, path: Path | str) -> Path:
        """Write the project as it is now, waiting changes included, to a new file (*Save elsewhere…*).

        Raises :class:`ProjectExists` or :class:`ProjectError`.
        """
        target = Path(path).absolute()
        if target.exists():
            raise ProjectExists(f"{target.name} exists already in {target.parent}.")
        try:
            with self._guard:
                pending = [] if self._writer is None else self._writer.pending()
                with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                    self._connection.backup(copy)
                    copy.execute("PRAGMA foreign_keys = ON")
                    copy.execute("BEGIN")
                    for batch in pending:
                        for change in batch.changes:
                            rows.write(change, copy)
                    copy.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            target.unlink(missing_ok=True)
            raise ProjectError(f"{target.name} could not be written in {target.parent}: {error}.") from error
        return target

    def restore_recovered(self) -> int:
        """Apply what an earlier run could not save (``recovery``); returns how many changes there were."""
        if self.recovery is None:
            return 0
        found = self.recovery
        self.apply(*found.changes)
        if self.flush().status is SaveStatus.SAVED:
            self.discard_recovered()
        return found.count

    def discard_recovered(self) -> None:
        """Forget what an earlier run could not save."""
        self.recovery = None
        discard_set_aside(self._journal)

    def _on_written(self, batches: list[c.Batch]) -> None:
        with self._guard:
            self._overlay.forget_written(batches)
            self._waiting.forget_written(batches)

    def _on_state(self, state: SaveState) -> None:
        for listener in tuple(self._listeners):
            listener(state)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own to the file, after waiting changes were written: long queries hold nobody up.

        Raises :class:`ProjectDamaged` for what cannot be read.
        """
        self.flush(timeout=2.0)
        immutable = self.read_only and not self.path.with_name(self.path.name + "-wal").exists()
        with damage_named(f"in {self.path.name}"):
            connection = connect(self.path, read_only=True, immutable=immutable and not os.access(self.folder, os.W_OK))
        with closing(connection), damage_named(f"in {self.path.name}"):
            yield connection


def _not_writable(path: Path) -> str:
    if not os.access(path, os.W_OK):
        return "the file is write-protected"
    return "" if os.access(path.parent, os.W_OK) else "its folder cannot be written"
