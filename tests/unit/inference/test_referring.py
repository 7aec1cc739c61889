"""Referring segmentation: figures of answers that are known, and the tasks of an index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from inference.engine import (
    EngineError,
    EngineSpec,
    Features,
    Image,
    Report,
    Speed,
    UnusablePrompts,
    Vocabulary,
)
from inference.evaluation.index import BadIndex, load_index
from inference.evaluation.referring import Overlap, evaluate, figures, overlap, text_tasks
from inference.prompts import MaskArray, PromptKind, PromptSet, Text
from inference.results import Candidate, Frame, LabelScores, Memory, Region, Segmentation

SIZE = (10, 20)
HALVES = {"left": slice(0, 10), "right": slice(10, 20)}


@dataclass(frozen=True)
class Seen:
    nbytes: int = 1


class Sides:
    """Finds "left" and "right"; nothing for "nothing"; says of other words that it does not know them."""

    fingerprint = "sides"

    def __init__(self, *kinds: PromptKind) -> None:
        self.spec = EngineSpec("sides", "Sides", frozenset(kinds), frozenset(), Speed.INSTANT, "", "", "tests")
        self.encoded = 0

    def encode(self, image: Image, report: Report) -> Seen:
        self.encoded += 1
        return Seen()

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        (prompt,) = prompts
        assert isinstance(prompt, Text)
        if prompt.text == "nothing":
            return Segmentation(())
        if prompt.text not in HALVES:
            raise UnusablePrompts("unknown words")
        logits = np.full(SIZE, -5.0, np.float32)
        logits[:, HALVES[prompt.text]] = 5.0
        worse = np.full(SIZE, 5.0, np.float32)
        return Segmentation(tuple(Candidate(each, Frame.whole(*SIZE), 0.9, "sides") for each in (logits, worse)), None)

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        raise NotImplementedError

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise NotImplementedError


def written(folder: Path, tasks: object, name: str = "text_tasks") -> Path:
    values = np.zeros(SIZE, np.uint8)
    values[:, :10], values[:5, 10:], values[5:, 10:15] = 1, 2, 255
    PIL.Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(folder / "a.png")
    PIL.Image.fromarray(values).save(folder / "a_mask.png")
    objects = [{"id": 1, "category": "cat"}, {"id": 2, "category": "dog"}]
    document: dict[str, object] = {
        "images": [{"id": "a", "image": "a.png", "mask": "a_mask.png", "domain": "photo", "objects": objects}]
    }
    if name == "text_tasks":
        document["text_tasks"] = tasks
    else:
        (folder / "referring.json").write_text(json.dumps({"expressions": tasks}))
    path = folder / "index.json"
    path.write_text(json.dumps(document))
    return path


TASKS = [
    {"image_id": "a", "text": "left", "object_ids": [1]},
    {"image_id": "a", "text": "right", "object_ids": [2], "domain": "street"},
    {"image": "a", "text": "nothing", "object": 1},
    {"image": "a", "text": "gibberish", "objects": [1, 2]},
]


@pytest.mark.parametrize("name", ["text_tasks", "referring.json"])
def test_figures_by_hand(tmp_path: Path, name: str) -> None:
    """left: 100/100; right: 50 of 75, 25 void pixels do not count; nothing: 0/100; gibberish: 0/150."""
    engine = Sides(PromptKind.TEXT)
    found = evaluate(engine, written(tmp_path, TASKS, name))
    assert list(found) == ["engine", "n", "seconds", "oiou", "miou", "p50", "domains"]
    assert found["n"] == 4
    assert found["oiou"] == pytest.approx(150 / (100 + 75 + 100 + 150), abs=1e-4)
    assert found["miou"] == pytest.approx((1 + 50 / 75) / 4, abs=1e-4)
    assert found["p50"] == 0.5
    domains = found["domains"]
    assert isinstance(domains, dict)
    assert domains["street"] == {"n": 1, "oiou": 0.6667, "miou": 0.6667, "p50": 1.0}
    assert engine.encoded == 1
    assert evaluate(engine, tmp_path / "index.json", limit=1)["oiou"] == 1.0


def test_an_iou_of_one_half_is_good_enough() -> None:
    truth = np.ones((2, 2), bool)
    half = truth.copy()
    half[0] = False
    assert figures([overlap("d", half, truth, truth)])["p50"] == 1.0
    assert Overlap("d", 0, 0).iou == 1.0


def test_an_engine_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="Sides takes no text"):
        evaluate(Sides(PromptKind.POINT), written(tmp_path, TASKS))


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        ({"image_id": "a", "object_ids": [1]}, "has no text"),
        ({"image_id": "b", "text": "x", "object_ids": [1]}, "the image 'b'"),
        ({"image_id": "a", "text": "x", "object_ids": [7]}, r"the objects \[7\]"),
        ({"image_id": "a", "text": "x"}, r"the objects \[\]"),
    ],
)
def test_a_task_that_cannot_be_is_named(tmp_path: Path, task: object, sentence: str) -> None:
    with pytest.raises(BadIndex, match=sentence):
        text_tasks(load_index(written(tmp_path, [task])))


def test_an_index_without_tasks_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadIndex, match=r"index\.json has no text tasks"):
        evaluate(Sides(PromptKind.TEXT), written(tmp_path, []))
    (tmp_path / "other").mkdir()
    path = written(tmp_path / "other", None)
    assert text_tasks(load_index(path)) == ()
