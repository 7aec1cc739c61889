"""Changes that readers must see before the file has them."""

from __future__ import annotations

from collections.abc import Iterable

from desktop.dataset.changes import AddInstances, Batch, DeleteInstances, ReplaceInstances
from desktop.dataset.model import Instance


class InstanceOverlay:
    """The newest value of each instance that waits to be written; None for a deleted one. Not thread-safe."""

    def __init__(self) -> None:
        self._values: dict[int, tuple[int, Instance | None]] = {}

    def __contains__(self, instance_id: int) -> bool:
        return instance_id in self._values

    def get(self, instance_id: int) -> Instance | None:
        return self._values[instance_id][1]

    def put(self, number: int, instance_id: int, value: Instance | None) -> None:
        """Remember a value that batch ``number`` writes."""
        self._values[instance_id] = (number, value)

    def forget_written(self, batches: Iterable[Batch]) -> None:
        """Drop the values that these batches wrote, but not newer ones of the same instances."""
        for batch in batches:
            for change in batch.changes:
                if isinstance(change, AddInstances | ReplaceInstances):
                    for instance in change.instances:
                        self._forget(instance.id, batch.number)
                elif isinstance(change, DeleteInstances):
                    for instance_id in change.instance_ids:
                        self._forget(instance_id, batch.number)

    def _forget(self, instance_id: int, number: int) -> None:
        known = self._values.get(instance_id)
        if known is not None and known[0] <= number:
            del self._values[instance_id]

    def snapshot(self) -> dict[int, Instance | None]:
        """All waiting values, to lay over rows that are read from the file afterwards."""
        return {instance_id: value for instance_id, (_, value) in self._values.items()}
