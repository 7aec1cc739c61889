"""A region of interest: the engine sees the crop as its image, everything else keeps image coordinates (ux.md §4)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import cv2
import numpy as np

from inference.engine import EngineError, Image, Preview
from inference.prompts import Box, MaskPrompt, Point, Polygon, Prompt, PromptSet, Scribble, Vertices
from inference.results import Candidate, Frame, Ignored, Memory, Segmentation, to_image_size

MEMORY_KEY = "region of interest"
PREVIEW_SIDE = 512

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """``rectangle`` (xyxy, clipped) of an image of ``height`` × ``width`` pixels."""

    height: int
    width: int
    rectangle: Rectangle

    @staticmethod
    def of(image: Image, region: Rectangle | None) -> Crop | None:
        """None when there is no region or it is the whole image. Raises :class:`EngineError` when it is empty."""
        if region is None:
            return None
        x0, y0 = max(0, region[0]), max(0, region[1])
        x1, y1 = min(image.width, region[2]), min(image.height, region[3])
        if x0 >= x1 or y0 >= y1:
            raise EngineError("The region of interest lies outside the image.")
        if (x0, y0, x1, y1) == (0, 0, image.width, image.height):
            return None
        return Crop(image.height, image.width, (x0, y0, x1, y1))

    def image(self, image: Image) -> Image:
        x0, y0, x1, y1 = self.rectangle
        return Image(np.ascontiguousarray(image.pixels[y0:y1, x0:x1]), f"{image.content_hash}#{x0},{y0},{x1},{y1}")

    def prompts(self, prompts: PromptSet) -> tuple[PromptSet, tuple[Ignored, ...]]:
        """The prompts in coordinates of the crop; those entirely outside it are counted as ignored."""
        inside: list[Prompt] = []
        outside: Counter[str] = Counter()
        for prompt in prompts:
            moved = self._moved(prompt)
            if moved is None:
                outside[prompt.kind] += 1
            else:
                inside.append(moved)
        return PromptSet(tuple(inside)), tuple(Ignored(kind, count) for kind, count in outside.items())

    def shows(self, prompt: Prompt) -> bool:
        """Whether any of a prompt lies in the rectangle."""
        return self._moved(prompt) is not None

    def memory_in(self, memory: Memory | None) -> Memory | None:
        """The engine's memory if it was made in this same region, without our mark; a memory of another is no use."""
        if memory is None or MEMORY_KEY not in memory.arrays:
            return None
        if tuple(int(value) for value in np.ravel(memory.arrays[MEMORY_KEY])) != self.rectangle:
            return None
        return unmarked(memory)

    def placed(self, result: Segmentation) -> Segmentation:
        """The result in coordinates of the image."""
        memory = result.memory
        if memory is not None:
            memory = Memory(memory.engine, {**memory.arrays, MEMORY_KEY: np.array(self.rectangle, np.int32)})
        return replace(result, candidates=tuple(map(self._placed, result.candidates)), memory=memory)

    def preview(self, preview: Preview) -> Preview:
        """A preview of the crop as one of the whole image, at most :data:`PREVIEW_SIDE` pixels a side."""
        scale = min(1.0, PREVIEW_SIDE / max(self.height, self.width))
        whole = np.zeros((max(1, round(self.height * scale)), max(1, round(self.width * scale))), np.float32)
        x0, y0, x1, y1 = (round(value * scale) for value in self.rectangle)
        x1, y1 = min(max(x1, x0 + 1), whole.shape[1]), min(max(y1, y0 + 1), whole.shape[0])
        x0, y0 = min(x0, x1 - 1), min(y0, y1 - 1)
        whole[y0:y1, x0:x1] = cv2.resize(np.asarray(preview, np.float32), (x1 - x0, y1 - y0))
        return whole

    def _placed(self, candidate: Candidate) -> Candidate:
        left, top, right, bottom = self.rectangle
        logits, frame = candidate.logits, candidate.frame
        x0, y0, x1, y1 = frame.region
        if x0 < 0 or y0 < 0 or x1 > frame.width or y1 > frame.height:
            # a map that is wider than the crop (padding) must not spill into the image around it
            logits, frame = to_image_size(logits, frame), Frame.whole(frame.height, frame.width)
            x0, y0, x1, y1 = frame.region
        # the engine may have stated its frame at another size than the crop's
        sx, sy = (right - left) / frame.width, (bottom - top) / frame.height
        region = (left + x0 * sx, top + y0 * sy, left + x1 * sx, top + y1 * sy)
        return replace(candidate, logits=logits, frame=Frame(self.height, self.width, region))

    def _moved(self, prompt: Prompt) -> Prompt | None:
        left, top, right, bottom = self.rectangle
        match prompt:
            case Point(x=x, y=y):
                inside = left <= x < right and top <= y < bottom
                return replace(prompt, x=x - left, y=y - top) if inside else None
            case Box():
                x0, y0 = max(prompt.x0, left), max(prompt.y0, top)
                x1, y1 = min(prompt.x1, right), min(prompt.y1, bottom)
                if x0 >= x1 or y0 >= y1:
                    return None
                return replace(prompt, x0=x0 - left, y0=y0 - top, x1=x1 - left, y1=y1 - top)
            case Scribble(vertices=vertices) | Polygon(vertices=vertices):
                return replace(prompt, vertices=self._shifted(vertices)) if self._touches(vertices) else None
            case MaskPrompt(mask=mask):
                return replace(prompt, mask=np.ascontiguousarray(mask[top:bottom, left:right]))
            case _:
                return prompt

    def _shifted(self, vertices: Vertices) -> Vertices:
        left, top, _, _ = self.rectangle
        return tuple((x - left, y - top) for x, y in vertices)

    def _touches(self, vertices: Vertices) -> bool:
        left, top, right, bottom = self.rectangle
        xs, ys = [x for x, _ in vertices], [y for _, y in vertices]
        return bool(xs) and min(xs) < right and max(xs) >= left and min(ys) < bottom and max(ys) >= top


def unmarked(memory: Memory) -> Memory:
    """A memory without the mark of its region."""
    return Memory(memory.engine, {name: array for name, array in memory.arrays.items() if name != MEMORY_KEY})


def whole_image_memory(memory: Memory | None) -> Memory | None:
    """A memory for a run on the whole image: one that was made in a region is no use there."""
    return None if memory is not None and MEMORY_KEY in memory.arrays else memory
