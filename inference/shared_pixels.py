"""Pixels shared with the worker process, in memory that has no name and therefore cannot outlive its users.

On Linux the memory is a ``memfd``, on other POSIX systems an unlinked temporary file; its descriptor travels over a
socket. Whatever is killed in whatever order, the kernel frees the memory with the last process that holds it, and
nothing is left in ``/dev/shm``. On Windows a named section does the same: it vanishes with its last handle.
"""

from __future__ import annotations

import mmap
import os
import socket
import sys
import tempfile

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class SharedPixels:
    """One image, uint8 (height, width, 3), in shareable memory. The owner's side."""

    def __init__(self, pixels: Pixels, name: str) -> None:
        self.height, self.width = int(pixels.shape[0]), int(pixels.shape[1])
        self.nbytes = max(1, int(pixels.nbytes))
        self.name = name
        self._descriptor = -1
        if sys.platform == "win32":
            self._map = mmap.mmap(-1, self.nbytes, tagname=name)
        else:
            self._descriptor = _anonymous_file()
            os.ftruncate(self._descriptor, self.nbytes)
            self._map = mmap.mmap(self._descriptor, self.nbytes)
        np.frombuffer(self._map, np.uint8, count=pixels.size).reshape(pixels.shape)[...] = pixels

    def send(self, channel: socket.socket | None) -> None:
        """Hand the memory to the worker; the message that names it follows on the pipe."""
        if channel is not None and self._descriptor >= 0:
            socket.send_fds(channel, [b"p"], [self._descriptor])

    def close(self) -> None:
        """Give up this side's hold; the worker's stays valid until it drops its array."""
        self._map.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def receive(channel: socket.socket | None, name: str, height: int, width: int) -> Pixels:
    """The worker's side: a read-only view; the memory is released with the last array that refers to it."""
    size = height * width * 3
    if sys.platform == "win32":
        memory = mmap.mmap(-1, max(1, size), tagname=name, access=mmap.ACCESS_READ)
    else:
        if channel is None:
            raise OSError("There is no channel to receive pixels from.")
        _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        if not descriptors:
            raise OSError("The window closed the channel for pixels.")
        try:
            memory = mmap.mmap(descriptors[0], max(1, size), access=mmap.ACCESS_READ)
        finally:
            os.close(descriptors[0])
    return np.frombuffer(memory, np.uint8, count=size).reshape(height, width, 3)


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("maskwright-pixels")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
