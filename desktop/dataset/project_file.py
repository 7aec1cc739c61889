"""The project file on disk: connections, the lock of the window that may write, rotating backups, what went wrong."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

from desktop.dataset.errors import NotAProject, ProjectDamaged, ProjectError
from desktop.dataset.schema import APPLICATION_ID

SUFFIX = ".maskwright"
BACKUPS = 3
_MAGIC = b"SQLite format 3\x00"
_QUICK_CHECK_BYTES = 16 << 20


def connect(path: Path, *, read_only: bool, immutable: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any one thread at a time."""
    mode = "mode=ro" if read_only else "mode=rw"
    uri = f"{path.absolute().as_uri()}?{mode}{'&immutable=1' if immutable else ''}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5.0)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -16000")
    return connection


def begin_wal(connection: sqlite3.Connection) -> None:
    """Write-ahead logging: readers never wait for the writer, and a kill loses nothing that was committed."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def check_header(path: Path) -> None:
    """Raise a sentence when the file is missing, unreadable, or certainly not a project."""
    try:
        with path.open("rb") as stream:
            header = stream.read(100)
    except FileNotFoundError:
        raise ProjectError(f"{path.name} was not found in {path.parent}.") from None
    except IsADirectoryError:
        raise NotAProject(f"{path.name} is a folder, not a Maskwright project.") from None
    except OSError as error:
        raise ProjectError(f"{path.name} cannot be opened: {_reason(error)}.") from None
    if header[:16] != _MAGIC or (len(header) == 100 and int.from_bytes(header[68:72], "big") != APPLICATION_ID):
        raise NotAProject(f"{path.name} is not a Maskwright project.")


def check_content(connection: sqlite3.Connection, path: Path) -> None:
    """SQLite's own check, for files small enough that it is not felt."""
    if path.stat().st_size > _QUICK_CHECK_BYTES:
        return
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(str(found).splitlines()[-1])


@contextmanager
def damage_named(what: str) -> Iterator[None]:
    """Turn SQLite's complaint about unreadable contents into the sentence of ux.md §13."""
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError) as error:
        reason = str(error) or type(error).__name__
        raise ProjectDamaged(
            f"Annotations {what} could not be read ({reason}). Nothing is written, so nothing is overwritten."
        ) from error


class ProjectLock:
    """An operating-system lock on a file beside the project: it goes with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f".{path.name}.lock")
        self._stream: IO[bytes] | None = None

    def acquire(self) -> str:
        """Take the lock. Returns an empty string, or the reason why it cannot be had."""
        try:
            stream = self._path.open("a+b")
        except OSError as error:
            return f"its folder cannot be written ({_reason(error)})"
        try:
            _lock(stream)
        except OSError as error:
            holder = self._holder(stream)
            stream.close()
            if error.errno in (errno.ENOTSUP, errno.ENOLCK, errno.EINVAL):
                return ""  # a file system without locks: better to work than to refuse
            return f"it is open in another window{holder}"
        stream.seek(1)
        stream.truncate()
        stream.write(f"\nprocess {os.getpid()}".encode())
        stream.flush()
        self._stream = stream
        return ""

    @staticmethod
    def _holder(stream: IO[bytes]) -> str:
        try:
            stream.seek(2)
            text = stream.read(80).decode("utf-8", "replace").strip()
        except OSError:
            return ""
        return f" ({text})" if text else ""

    def release(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def __enter__(self) -> ProjectLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def backup_folder(path: Path) -> Path:
    return path.parent / ".maskwright-backup"


def backups(path: Path) -> list[Path]:
    """The backup copies of a project that exist, newest first."""
    found = (backup_folder(path) / f"{path.stem}.{n}{SUFFIX}" for n in range(1, BACKUPS + 1))
    return [copy for copy in found if copy.exists()]


def rotate_backup(path: Path) -> Path | None:
    """Copy the project and drop the oldest copy. Returns None when the newest copy is still up to date."""
    before = path.stat()
    log = path.with_name(path.name + "-wal")
    has_log = log.exists() and log.stat().st_size > 0
    kept = backups(path)
    if kept and not has_log:
        newest = kept[0].stat()
        if (newest.st_size, newest.st_mtime_ns) == (before.st_size, before.st_mtime_ns):
            return None
    folder = backup_folder(path)
    folder.mkdir(exist_ok=True)
    partial = folder / f"{path.stem}.part"
    partial.unlink(missing_ok=True)
    if has_log:
        copy_database(path, partial)
    else:
        shutil.copy2(path, partial)
    for number in range(BACKUPS - 1, 0, -1):
        older = folder / f"{path.stem}.{number}{SUFFIX}"
        if older.exists():
            older.replace(folder / f"{path.stem}.{number + 1}{SUFFIX}")
    newest_copy = folder / f"{path.stem}.1{SUFFIX}"
    partial.replace(newest_copy)
    return newest_copy


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of a database that may be in use."""
    with closing(connect(source, read_only=True)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)


def save_failure(error: Exception, name: str) -> str:
    """Why a save failed, as the first half of the sentence of ux.md §13."""
    text = str(error)
    full = isinstance(error, sqlite3.OperationalError) and "full" in text
    if full or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return "Not saved: no space left on the disk."
    if "readonly" in text or (isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS)):
        return f"Not saved: {name} cannot be written, it or its folder is read-only."
    if "locked" in text:
        return f"Not saved: another program is writing to {name}."
    return f"Not saved: {_reason(error)}."


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).rstrip(".") or type(error).__name__
