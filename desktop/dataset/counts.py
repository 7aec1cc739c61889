"""How many instances each image and class has, kept up to date by changes instead of being counted again."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Container, Mapping

from desktop.dataset.model import Instance
from desktop.dataset.rows import read_counts, read_places


class InstanceCounts:
    """Numbers per (image id, class id or None for unlabelled). Not thread-safe."""

    def __init__(self) -> None:
        self._numbers: Counter[tuple[int, int | None]] = Counter()

    @classmethod
    def read(
        cls,
        connection: sqlite3.Connection,
        waiting: Mapping[int, Instance | None],
        images: Container[int],
        categories: Container[int],
    ) -> InstanceCounts:
        """Count the file's rows with the waiting values laid over them, for images and classes that still exist."""
        connection.execute("BEGIN")  # both reads must see the same state of the file
        try:
            stored = read_counts(connection)
            replaced = read_places(connection, waiting)
        finally:
            connection.execute("COMMIT")
        raw = Counter(stored)
        raw.subtract(replaced.values())
        raw.update((value.image_id, value.category_id) for value in waiting.values() if value is not None)
        counts = cls()
        for (image_id, category_id), number in raw.items():
            if image_id in images:
                counts.add(image_id, category_id if category_id in categories else None, number)
        return counts

    def add(self, image_id: int, category_id: int | None, number: int) -> None:
        self._numbers[image_id, category_id] += number

    def by_place(self) -> dict[tuple[int, int | None], int]:
        return {place: number for place, number in self._numbers.items() if number}

    def by_category(self, image_id: int | None = None) -> dict[int | None, int]:
        """Per class, in all images or in one."""
        total: Counter[int | None] = Counter()
        for (image, category), number in self._numbers.items():
            if number and image_id in (None, image):
                total[category] += number
        return dict(total)

    def by_image(self) -> dict[int, int]:
        total: Counter[int] = Counter()
        for (image, _), number in self._numbers.items():
            if number:
                total[image] += number
        return dict(total)
