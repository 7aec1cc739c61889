"""Features of an image: what the image encoder of a SAM made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.device import torch_device
from inference.models.sam.frame import InputFrame
from inference.models.sam.promptable import Maps

SIZE = "size"
MAP = "map "


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """``maps`` float32 and the image's place in the model's input. Can move to RAM, and to disk as named arrays."""

    frame: InputFrame
    maps: Maps

    @property
    def nbytes(self) -> int:
        return sum(each.numel() * each.element_size() for each in self.maps)

    @property
    def on_device(self) -> bool:
        return self.maps[0].device.type != "cpu"

    def to_host(self) -> Sight:
        return self._moved(torch.device("cpu"))

    def to_device(self) -> Sight:
        return self._moved(torch_device())

    def to_arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """The maps, and height and width of the image."""
        arrays: dict[str, NDArray[np.generic]] = {
            f"{MAP}{index}": each.cpu().numpy() for index, each in enumerate(self.maps)
        }
        arrays[SIZE] = np.array([self.frame.height, self.frame.width], np.int64)
        return arrays

    def _moved(self, device: torch.device) -> Sight:
        return replace(self, maps=tuple(each.to(device) for each in self.maps))


def maps_of(arrays: Mapping[str, NDArray[np.generic]]) -> Maps:
    """The maps again, float32 on the device, from arrays of any precision."""
    count = sum(name.startswith(MAP) for name in arrays)
    return tuple(_tensor(arrays[f"{MAP}{index}"]) for index in range(count))


def _tensor(array: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32)).to(torch_device())
