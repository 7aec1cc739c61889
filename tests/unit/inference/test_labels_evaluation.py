"""Labels against known rankings, and which names an image's objects are chosen from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from inference.engine import Capability, EngineError, EngineSpec, Features, Image, Report, Speed, Vocabulary
from inference.evaluation.index import BadIndex, load_index
from inference.evaluation.label_sets import LabelSets
from inference.evaluation.labels import evaluate, label_tasks, place_of
from inference.prompts import MaskArray, PromptSet
from inference.results import LabelScores, Memory, Region, Segmentation


@dataclass(frozen=True)
class Seen:
    nbytes: int = 1


class Alphabet:
    """Thinks that the first name of the alphabet is always right, then the second …"""

    fingerprint = "alphabet"

    def __init__(self, *capabilities: Capability) -> None:
        self.spec = EngineSpec("abc", "Abc", frozenset(), frozenset(capabilities), Speed.INSTANT, "", "", "tests")

    def encode(self, image: Image, report: Report) -> Seen:
        return Seen()

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        order = sorted(vocabulary.names)
        row = [1 / (2 + order.index(name)) for name in vocabulary.names]
        return LabelScores(vocabulary.names, np.array([row] * len(masks), np.float32), np.zeros(len(masks), np.float32))

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        raise NotImplementedError

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        raise NotImplementedError


def image(name: str, *categories: str | None, **more: object) -> dict[str, object]:
    objects = [{"id": number, "category": category} for number, category in enumerate(categories, 1)]
    return {"id": name, "image": f"{name}.png", "mask": f"{name}_mask.png", "objects": objects, **more}


def written(folder: Path, images: list[dict[str, Any]], sets: object = None) -> Path:
    for each in images:
        values = np.repeat(np.arange(1, 9, dtype=np.uint8)[None], 4, axis=0)
        PIL.Image.fromarray(np.zeros((*values.shape, 3), np.uint8)).save(folder / str(each["image"]))
        PIL.Image.fromarray(values).save(folder / str(each["mask"]))
    path = folder / "index.json"
    path.write_text(json.dumps({"images": images} | ({} if sets is None else {"label_sets": sets})))
    return path


def test_top_1_and_top_5_by_domain(tmp_path: Path) -> None:
    names = ["ant", "bee", "cow", "dog", "eel", "fox", "gnu"]
    images = [image("x", "ant", "bee", "gnu", None, domain="photo"), image("y", "ant", "tree", domain="street")]
    found = evaluate(Alphabet(Capability.LABEL), written(tmp_path, images, names))
    assert list(found) == ["engine", "n", "seconds", "top1", "top5", "domains"]
    assert (found["n"], found["top1"], found["top5"]) == (4, 0.5, 0.75)
    assert found["domains"] == {
        "photo": {"n": 3, "top1": 0.3333, "top5": 0.6667},
        "street": {"n": 1, "top1": 1.0, "top5": 1.0},
    }


def test_a_tie_is_no_right_answer() -> None:
    scores = LabelScores(("a", "b", "c"), np.array([[0.4, 0.4, 0.1]], np.float32), np.zeros(1, np.float32))
    assert [place_of(scores, name) for name in "abc"] == [1, 1, 2]


def vocabulary_of(path: Path, number: int) -> list[tuple[str, ...]]:
    index = load_index(path)
    return [each.vocabulary.names for each in LabelSets(index).of(index.images[number])]


def test_without_label_sets_the_categories_of_the_source_are_the_names(tmp_path: Path) -> None:
    images = [
        image("x", "dog", source="one"),
        image("y", "cat", None, source="one"),
        image("z", "cow", source="two"),
        image("w", "elk", domain="forest"),
    ]
    path = written(tmp_path, images)
    assert [vocabulary_of(path, n) for n in range(4)] == [[("cat", "dog")], [("cat", "dog")], [("cow",)], [("elk",)]]


def test_label_sets_are_found_by_name_list_source_and_domain(tmp_path: Path) -> None:
    sets = {"pets": ["cat", "dog"], "farm": {"names": ["cow", "hay"], "stuff": ["hay"]}, "zoo": ["elk", "cat"]}
    images = [
        image("x", "cat", label_set="zoo"),
        image("y", "cat", source="pets"),
        image("z", "cow", domain="farm"),
        image("w", "cat"),
        image("v", "hen"),
    ]
    path = written(tmp_path, images, sets)
    pets, farm, zoo = ("cat", "dog"), ("cow", "hay"), ("elk", "cat")
    assert [vocabulary_of(path, n) for n in range(5)] == [[zoo], [pets], [farm], [pets, zoo], []]
    index = load_index(path)
    (found,) = LabelSets(index).of(index.images[2])
    assert found.vocabulary.stuff == {"hay"}
    assert [(task.image.id, task.name) for task in label_tasks(index)] == [
        ("x", "cat"),
        ("y", "cat"),
        ("z", "cow"),
        ("w", "cat"),
        ("w", "cat"),
    ]


@pytest.mark.parametrize("sets", [7, {"pets": []}, {"pets": [1]}, {"pets": {"names": "cat"}}, [{"name": "pets"}]])
def test_label_sets_that_are_none_are_named(tmp_path: Path, sets: object) -> None:
    with pytest.raises(BadIndex, match=r"index\.json: label_sets"):
        LabelSets(load_index(written(tmp_path, [image("x", "cat")], sets)))


def test_what_cannot_be_evaluated_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, [image("x", None)])
    with pytest.raises(EngineError, match="Abc does not rank labels"):
        evaluate(Alphabet(), path)
    with pytest.raises(BadIndex, match="no named objects"):
        evaluate(Alphabet(Capability.LABEL), path)
    lost = written(tmp_path, [image("x", "cat", label_set="lost")], {"pets": ["cat"]})
    with pytest.raises(BadIndex, match="the label set 'lost'"):
        evaluate(Alphabet(Capability.LABEL), lost)
