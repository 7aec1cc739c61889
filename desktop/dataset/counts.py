"""How many instances each image and class has, kept up to date by changes instead of being counted again."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Container, Mapping

from desktop.dataset.model import Instance
from desktop.dataset.rows import read_counts, read_places


class InstanceCounts:
    """Numbers per (class id or None for unlabelled, image id). Not thread-safe.

    Totals are kept, too: the class list asks for them whenever it is painted, and a large project has a hundred
    thousand pairs.
    """

    def __init__(self) -> None:
        self._places: defaultdict[int | None, dict[int, int]] = defaultdict(dict)
        self._by_category: Counter[int | None] = Counter()
        self._by_image: Counter[int] = Counter()

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
        for place in replaced.values():
            stored[place] = stored.get(place, 0) - 1
        for value in waiting.values():
            if value is not None:
                place = value.image_id, value.category_id
                stored[place] = stored.get(place, 0) + 1
        counts = cls()
        for (image_id, category_id), number in stored.items():
            if number and image_id in images:
                counts.add(image_id, category_id if category_id in categories else None, number)
        return counts

    def add(self, image_id: int, category_id: int | None, number: int) -> None:
        place = self._places[category_id]
        left = place.get(image_id, 0) + number
        if left:
            place[image_id] = left
        else:
            place.pop(image_id, None)
        self._by_category[category_id] += number
        self._by_image[image_id] += number

    def by_category(self, image_id: int | None = None) -> dict[int | None, int]:
        """Per class, in all images or in one."""
        if image_id is None:
            return {category: number for category, number in self._by_category.items() if number}
        return {category: place[image_id] for category, place in self._places.items() if image_id in place}

    def by_image(self) -> dict[int, int]:
        return {image: number for image, number in self._by_image.items() if number}

    def images_with(self, category_id: int | None) -> set[int]:
        """Ids of the images that have an instance of a class."""
        return set(self._places.get(category_id, ()))
