"""One file over HTTP into a partial file: resumed where it was cut, checked by size and checksum, stoppable.

Bytes are read with the standard library, so that a download can be stopped between any two blocks, whoever hosts it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from importlib import import_module
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from inference.engine import EngineError
from inference.weights.entries import check_url

BLOCK = 1 << 18
TIMEOUT = 20.0
TRIES = 4
"""In a row without a single new byte, before the network is called unreachable."""

PAUSE = 0.5
"""Seconds before the second try; twice as many before each further one."""


class FetchProblem(EngineError):
    """A download did not happen; the text says why and what is left of it."""


class NetworkTrouble(FetchProblem):
    """The server cannot be reached or stopped answering. What arrived is kept and the next try goes on from there."""


class NotThere(FetchProblem):
    """The server does not have the file, or does not give it to us."""


class Damaged(FetchProblem):
    """What arrived is not the file that was published; it was deleted."""


class NoSpace(FetchProblem):
    """The disk is full; what arrived was deleted."""


class Stopped(Exception):
    """A person paused (``keep``) or cancelled the download. Not an error."""

    def __init__(self, keep: bool) -> None:
        super().__init__("paused" if keep else "cancelled")
        self.keep = keep


class Control:
    """Stops a download from another thread."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._keep = False

    def pause(self) -> None:
        """End it and keep what arrived; fetching again goes on from there."""
        self._keep = True
        self._stopped.set()

    def cancel(self) -> None:
        """End it and delete what arrived."""
        self._keep = False
        self._stopped.set()

    def check(self) -> None:
        """Raises :class:`Stopped` once that was asked for."""
        if self._stopped.is_set():
            raise Stopped(self._keep)

    def wait(self, seconds: float) -> None:
        """Sleep, but not longer than until the stop. Raises :class:`Stopped`."""
        self._stopped.wait(seconds)
        self.check()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file is. ``size`` None and checksums empty where they are not known. ``tag`` identifies its version.

    ``git_sha1``: the checksum that git (and the hub, for small files) gives a file.
    """

    url: str
    size: int | None = None
    sha256: str = ""
    git_sha1: str = ""
    tag: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or self.url


def ask_size(url: str) -> Source:
    """What the server says about a file without sending it. Raises :class:`FetchProblem`."""
    try:
        with _open(Source(url), "HEAD", {}) as answer:
            length = answer.headers.get("Content-Length", "")
            tag = answer.headers.get("ETag", "")
            return Source(url, int(length) if length.isdigit() else None, tag=tag)
    except urllib.error.HTTPError as error:
        if error.code in (405, 501):  # a server that knows no HEAD may still send the file
            return Source(url)
        raise _refusal(error, url) from error
    except (OSError, http.client.HTTPException) as error:
        raise unreachable(Source(url).host, error) from error


def transfer(source: Source, part: Path, control: Control, progress: Callable[[int, int | None], None]) -> str:
    """Bring ``part`` to the whole file, going on from what is in it; returns its sha256.

    ``progress`` gets bytes there and bytes in all (None: not known). Raises :class:`Stopped` or a
    :class:`FetchProblem`; only :class:`Damaged` deletes ``part`` here.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    tries = 0
    while True:
        before = _size(part)
        try:
            digest = _once(source, part, control, progress)
            break
        except urllib.error.HTTPError as error:
            if error.code == 416:  # what is there is longer than the file: another version of it
                part.unlink(missing_ok=True)
            elif error.code < 500 and error.code != 429:
                raise _refusal(error, source.url) from error
            trouble: Exception = error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoSpace(f"No space left on the disk after {_size(part)} bytes of {part.stem}.") from error
            trouble = error
        tries = 0 if _size(part) > before else tries + 1
        if tries >= TRIES:
            raise unreachable(source.host, trouble) from trouble
        control.wait(PAUSE * 2**tries)
    _check(source, part, digest)
    return digest


def unreachable(host: str, error: BaseException) -> NetworkTrouble:
    """The sentence for a network that does not let us through."""
    reason = getattr(error, "reason", error)
    text = getattr(reason, "strerror", None) or str(reason).partition("\n")[0] or type(reason).__name__
    return NetworkTrouble(f"{host} cannot be reached ({text.rstrip('.')}).")


def _once(source: Source, part: Path, control: Control, progress: Callable[[int, int | None], None]) -> str:
    control.check()
    digest = hashlib.sha256()
    have = _hash_of(part, digest, control)
    if source.size is not None and have == source.size:
        return digest.hexdigest()
    asked = {"Range": f"bytes={have}-"} if have else {}
    if have and source.tag and not source.tag.startswith("W/"):
        asked["If-Range"] = source.tag
    with _open(source, "GET", asked) as answer:
        goes_on = answer.status == 206 and _start(answer.headers) == have
        if not goes_on:
            have, digest = 0, hashlib.sha256()
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else source.size
        with part.open("ab" if goes_on else "wb") as file:
            progress(have, total)
            while block := answer.read1(BLOCK):
                control.check()
                file.write(block)
                digest.update(block)
                have += len(block)
                progress(have, total)
    if total is not None and have < total:
        raise ConnectionError("the connection was cut")
    return digest.hexdigest()


def _open(source: Source, method: str, more: Mapping[str, str]) -> Any:
    check_url(source.url)
    headers = {"User-Agent": "maskwright", "Accept-Encoding": "identity", **source.headers, **more}
    request = urllib.request.Request(source.url, headers=headers, method=method)
    return _opener().open(request, timeout=TIMEOUT)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to https only, and takes no token along to another host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        try:
            check_url(newurl)
        except ValueError as error:
            raise urllib.error.URLError(str(error)) from error
        following = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        if following is not None:
            following.method = req.get_method()
            if urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
                following.headers.pop("Authorization", None)
        return following


def _opener() -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError, OSError):
        # a frozen program may run where OpenSSL's built-in paths hold no certificates
        context.load_verify_locations(import_module("certifi").where())
    return urllib.request.build_opener(_Redirects(), urllib.request.HTTPSHandler(context=context))


def _start(headers: Message) -> int:
    """Where a partial answer begins ("bytes 100-199/200"), or -1."""
    text = headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(text) if text.isdigit() else -1


def _hash_of(part: Path, digest: Any, control: Control) -> int:
    if not part.exists():
        return 0
    with part.open("rb") as file:
        while block := file.read(BLOCK):
            control.check()
            digest.update(block)
        return file.tell()


def _check(source: Source, part: Path, digest: str) -> None:
    size = _size(part)
    same = digest == source.sha256 if source.sha256 else source.git_sha1 in ("", _git_sha1(part, size))
    wrong = "" if same else "its checksum is not the published one"
    if source.size is not None and size != source.size:
        wrong = f"{size} bytes arrived instead of {source.size}"
    if wrong:
        part.unlink(missing_ok=True)
        raise Damaged(f"{part.stem} arrived damaged ({wrong}). It was deleted.")


def _git_sha1(part: Path, size: int) -> str:
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with part.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _refusal(error: urllib.error.HTTPError, url: str) -> FetchProblem:
    host = Source(url).host
    if error.code in (404, 410):
        return NotThere(f"{host} does not have this file any more ({url}).")
    if error.code in (401, 403, 407, 451):
        return NotThere(f"{host} does not give out this file ({error.code} {error.reason}): {url}.")
    return NetworkTrouble(f"{host} answered {error.code} {error.reason}.")
