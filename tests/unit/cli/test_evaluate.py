"""``maskwright evaluate``: the keys of design.md §6, refusals in one sentence, and the bundled sample as an index."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from inference.evaluation.index import load_index, load_mask, tasks
from inference.evaluation.label_sets import LabelSets
from inference.evaluation.referring import text_tasks
from tests.command_line import run

SAMPLE = Path(__file__).parents[3] / "resources" / "sample" / "instances.json"
HEAD = ["engine", "n", "seconds"]
KEYS = {
    "clicks": ["noc80", "noc85", "noc90", "iou1", "iou3", "iou5", "iou10", "failures90", "encode_ms", "ms_per_click"],
    "referring": ["oiou", "miou", "p50"],
    "panoptic": ["pq", "sq", "rq"],
    "labels": ["top1", "top5"],
}


@pytest.fixture(autouse=True)
def stub_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_ENGINES", "tests.e2e.stub_engines:quick")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    values = np.zeros((40, 60), np.uint8)
    values[10:30, 20:40] = 1
    PillowImage.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(tmp_path / "a.png")
    PillowImage.fromarray(values).save(tmp_path / "a_mask.png")
    image = {"id": "a", "image": "a.png", "mask": "a_mask.png", "domain": "photo"}
    document = {
        "images": [{**image, "objects": [{"id": 1, "category": "cat"}]}],
        "text_tasks": [{"image_id": "a", "text": "the cat", "object_ids": [1]}],
        "label_sets": {"pets": ["cat", "dog"]},
    }
    path = tmp_path / "index.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("what", ["clicks", "referring", "labels"])
def test_figures_have_the_keys_of_the_contract(what: str, index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", what, "--engine", "stub-quick", "--index", str(index), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == [*HEAD, *KEYS[what], "domains"]
    assert (found["engine"], found["n"]) == ("stub-quick", 1)
    assert set(found["domains"]["photo"]) >= {"n", *KEYS[what]}


def test_clicks_by_seems_protocol(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["evaluate", "clicks", "--engine", "stub-quick", "--index", str(index), "--protocol", "seem", "--json"]
    assert run(call) == 0
    assert list(json.loads(capsys.readouterr().out))[3:5] == ["noc50", "noc80"]
    assert run([*call[:-2], "guess"]) == 2


def test_a_table_is_for_eyes_and_goes_to_stderr(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "labels", "--engine", "stub-quick", "--index", str(index)]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "top5" in told.err
    assert "photo" in told.err


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("referring", "Classic takes no text"),
        ("panoptic", "Classic does not name the regions"),
        ("labels", "Classic does not rank labels"),
    ],
)
def test_an_engine_that_cannot_is_refused(
    what: str, sentence: str, index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", what, "--engine", "classic", "--index", str(index)]) == 2
    assert sentence in capsys.readouterr().err.replace("\n", " ")


def test_the_bundled_sample_is_an_index() -> None:
    index = load_index(SAMPLE)
    assert len(index.images) == 21
    assert len(tasks(index)) == 192
    found = text_tasks(index)
    assert len(found) == 25
    for task in found:
        assert np.isin(load_mask(task.image), task.objects).any()
    (label_set,) = LabelSets(index).of(index.images[0])
    assert "giraffe" in label_set.vocabulary.names
