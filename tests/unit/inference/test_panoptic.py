"""Panoptic quality, on a small case whose figures were computed with torchmetrics 1.9.0."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from inference.engine import Capability, EngineError, EngineSpec, Features, Image, Report, Speed, Vocabulary
from inference.evaluation.index import BadIndex, IndexImage, IndexObject
from inference.evaluation.panoptic import Tally, compare, evaluate, figures, segments_of, truth_of
from inference.prompts import MaskArray, PromptSet
from inference.results import LabelScores, Memory, Region, Segmentation

SIZE = (12, 16)
VOCABULARY = Vocabulary(("cat", "dog", "sky", "grass"), frozenset({"sky", "grass"}))
Painted = Sequence[tuple[str | None, int, int, int, int]]
"""Rectangles (name, x0, y0, x1, y1) painted over each other; no name is void."""

TRUE: Sequence[Painted] = [
    [
        ("sky", 0, 0, 16, 5),
        ("grass", 0, 5, 16, 12),
        ("cat", 1, 3, 6, 8),
        ("cat", 8, 3, 13, 8),
        ("dog", 2, 9, 5, 12),
        (None, 13, 9, 16, 12),
    ],
    [("grass", 0, 0, 16, 12), ("dog", 1, 1, 7, 7), ("dog", 9, 1, 15, 7), (None, 0, 9, 8, 12)],
]
GUESSED: Sequence[Painted] = [
    [
        ("sky", 0, 0, 9, 6),
        ("sky", 9, 0, 16, 6),
        ("grass", 0, 6, 16, 12),
        ("cat", 2, 3, 7, 8),
        ("dog", 8, 3, 13, 8),
        ("dog", 12, 9, 16, 12),
    ],
    [
        ("grass", 0, 0, 16, 9),
        ("dog", 1, 1, 7, 8),
        ("dog", 9, 1, 12, 7),
        ("dog", 12, 1, 15, 7),
        ("cat", 0, 9, 7, 12),
        ("sky", 7, 9, 16, 12),
    ],
]
EXPECTED = {"pq": 0.4888, "sq": 0.7685, "rq": 0.6548}
"""``PanopticQuality(things={0, 1}, stuffs={2, 3}, return_sq_and_rq=True)`` of torchmetrics on the same pixels."""


def painted(rectangles: Painted) -> np.ndarray:
    values = np.zeros(SIZE, np.uint8)
    for number, (name, x0, y0, x1, y1) in enumerate(rectangles, 1):
        values[y0:y1, x0:x1] = 255 if name is None else number
    return values


def image_of(rectangles: Painted, labelled: bool | None = True) -> IndexImage:
    objects = tuple(
        IndexObject(number, name, name not in VOCABULARY.stuff)
        for number, (name, *_) in enumerate(rectangles, 1)
        if name is not None
    )
    return IndexImage("i", Path("i.png"), Path("i_mask.png"), "photo", objects, all_labelled=labelled)


def regions_of(rectangles: Painted) -> list[Region]:
    values = painted(rectangles)
    return [
        Region(values == number, 0.9, name, name not in VOCABULARY.stuff)
        for number, (name, *_) in enumerate(rectangles, 1)
    ]


def tallies(true: Painted, guessed: Painted) -> dict[str, Tally]:
    truth, void = truth_of(image_of(true), VOCABULARY, painted(true))
    return compare(segments_of(regions_of(guessed), SIZE), truth, void)


def test_the_figures_are_those_of_torchmetrics() -> None:
    found = [tallies(true, guessed) for true, guessed in zip(TRUE, GUESSED, strict=True)]
    assert figures(found) == {"n": 2, **EXPECTED}
    cat = found[0]["cat"]
    assert (cat.matched, cat.made_up, cat.missed) == (1, 0, 1)
    assert cat.iou == pytest.approx(20 / 30)
    assert cat.rq == pytest.approx(2 / 3)


def test_the_truth_itself_is_perfect() -> None:
    found = figures([tallies(TRUE[0], TRUE[0])])
    assert (found["pq"], found["sq"], found["rq"]) == (1.0, 1.0, 1.0)


def test_a_prediction_in_void_is_no_error_but_one_beside_it_is() -> None:
    truth: Painted = [("grass", 0, 0, 16, 6), (None, 0, 6, 16, 12)]
    in_void = tallies(truth, [("grass", 0, 0, 16, 6), ("cat", 0, 5, 4, 12)])
    assert "cat" not in in_void
    beside = tallies(truth, [("grass", 0, 3, 16, 6), ("cat", 0, 0, 4, 3)])
    assert beside["cat"].made_up == 1
    assert (beside["grass"].matched, beside["grass"].made_up, beside["grass"].missed) == (0, 1, 1)


def test_what_is_unlabelled_is_void_unless_all_is_labelled() -> None:
    values = painted([("cat", 0, 0, 4, 4)])
    for labelled, expected in ((True, 0), (None, values.size - 16)):
        _, void = truth_of(image_of([("cat", 0, 0, 4, 4)], labelled), VOCABULARY, values)
        assert np.count_nonzero(void) == expected


def test_of_overlapping_regions_the_better_one_has_the_pixels_and_stuff_is_one_segment() -> None:
    left, right = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    left[:, :10], right[:, 6:] = True, True
    both = segments_of([Region(left, 0.5, "cat"), Region(right, 0.8, "dog")], SIZE)
    assert {both.classes[int(n)]: int((both.map == n).sum()) for n in both.classes} == {"cat": 72, "dog": 120}
    sky = segments_of([Region(left, 0.5, "sky", False), Region(right, 0.8, "sky", False)], SIZE)
    assert list(sky.classes.values()) == ["sky"]
    assert not segments_of([Region(left, 0.9, None)], SIZE).classes, "what has no name is no prediction"


@dataclass(frozen=True)
class Seen:
    number: int
    nbytes: int = 1


class Painter:
    """Answers with the regions of :data:`GUESSED`, image by image."""

    fingerprint = "painter"

    def __init__(self, *capabilities: Capability) -> None:
        self.spec = EngineSpec(
            "painter", "Painter", frozenset(), frozenset(capabilities), Speed.INSTANT, "", "", "tests"
        )
        self.asked: list[Vocabulary | None] = []

    def encode(self, image: Image, report: Report) -> Seen:
        return Seen(int(image.content_hash))

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        assert isinstance(features, Seen)
        self.asked.append(vocabulary)
        return regions_of(GUESSED[features.number])

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        raise NotImplementedError

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise NotImplementedError


def written(folder: Path) -> Path:
    images = []
    for number, rectangles in enumerate(TRUE):
        PIL.Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(folder / f"{number}.png")
        PIL.Image.fromarray(painted(rectangles)).save(folder / f"{number}_mask.png")
        objects = [
            {"id": each.id, "category": each.category, "isthing": int(each.is_thing)}
            for each in image_of(rectangles).objects
        ]
        images.append(
            {
                "id": str(number),
                "image": f"{number}.png",
                "mask": f"{number}_mask.png",
                "domain": "photo" if number else "street",
                "all_objects_labelled": True,
                "objects": objects,
            }
        )
    sets = {"four": {"names": list(VOCABULARY.names), "images": ["0", "1"]}}
    path = folder / "index.json"
    path.write_text(json.dumps({"images": images, "label_sets": sets}))
    return path


def test_an_index_is_evaluated_by_domain(tmp_path: Path) -> None:
    engine = Painter(Capability.EVERYTHING, Capability.VOCABULARY)
    path = written(tmp_path)
    found = evaluate(engine, path)
    assert list(found) == ["engine", "n", "seconds", "pq", "sq", "rq", "domains"]
    assert {key: found[key] for key in EXPECTED} == EXPECTED
    assert engine.asked == [VOCABULARY, VOCABULARY]
    domains = found["domains"]
    assert isinstance(domains, dict)
    assert list(domains) == ["photo", "street"]
    assert evaluate(engine, path, domain="street")["n"] == 1
    with pytest.raises(BadIndex, match="of the domain 'x-ray'"):
        evaluate(engine, path, domain="x-ray")


def test_an_engine_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="Painter does not name"):
        evaluate(Painter(Capability.EVERYTHING), written(tmp_path))
