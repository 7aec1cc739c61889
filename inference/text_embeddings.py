"""Embeddings of texts, kept for ever by (text encoder, text): words come back, images do not (design.md §4)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.feature_disk import FeatureDisk

Embeddings = NDArray[np.float32]

RAM_BYTES = 64 << 20
DISK_BYTES = 256 << 20


class TextEmbeddings:
    """A cache that asks the encoder only for the texts it has not seen. Safe to use from several threads."""

    def __init__(self, folder: str | None = None, ram_bytes: int = RAM_BYTES) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, str], Embeddings] = OrderedDict()
        self._ram_bytes = ram_bytes
        self._used = 0
        self._disk = FeatureDisk.opened(folder, DISK_BYTES) if folder is not None else None

    def get(self, encoder: str, texts: Sequence[str], compute: Callable[[list[str]], Embeddings]) -> Embeddings:
        """Embeddings float32 (len(texts), dimension) in the order of ``texts``.

        ``encoder`` identifies the text encoder with its weights and prompt template; ``compute`` gets the texts that
        are not cached, each once, and returns float32 (n, dimension).
        """
        with self._lock:
            found = {text: row for text in dict.fromkeys(texts) if (row := self._find(encoder, text)) is not None}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            computed = np.asarray(compute(missing), dtype=np.float32)
            with self._lock:
                for text, row in zip(missing, computed, strict=True):
                    found[text] = row.copy()
                    self._keep(encoder, text, found[text])
        return np.stack([found[text] for text in texts]) if texts else np.zeros((0, 0), np.float32)

    def close(self) -> None:
        if self._disk is not None:
            self._disk.close()

    def _find(self, encoder: str, text: str) -> Embeddings | None:
        key = (encoder, text)
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        arrays = self._disk.get("\n".join(key)) if self._disk is not None else None
        if arrays is None or "embedding" not in arrays:
            return None
        row = arrays["embedding"].astype(np.float32)
        self._hold(key, row)
        return row

    def _keep(self, encoder: str, text: str, row: Embeddings) -> None:
        self._hold((encoder, text), row)
        if self._disk is not None:
            self._disk.put(f"{encoder}\n{text}", {"embedding": row})

    def _hold(self, key: tuple[str, str], row: Embeddings) -> None:
        self._held[key] = row
        self._used += row.nbytes
        while self._used > self._ram_bytes and len(self._held) > 1:
            self._used -= self._held.popitem(last=False)[1].nbytes


_shared = TextEmbeddings()


def shared() -> TextEmbeddings:
    """The cache of this process, which all engines use."""
    return _shared


def share(embeddings: TextEmbeddings) -> None:
    """Replace the cache of this process, for instance by one that also keeps its entries on disk."""
    global _shared
    _shared.close()
    _shared = embeddings
