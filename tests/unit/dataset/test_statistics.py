"""The figures of a project, counted from what is stored."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop.dataset import changes as c
from desktop.dataset import statistics
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, ImageState, Instance, Provenance, ReviewState
from desktop.dataset.prompt_json import to_json
from desktop.dataset.statistics import Bin, Day, Person, Suggestions
from desktop.dataset.store import Project
from inference.prompts import Point, PromptSet

TWO_POINTS = to_json(PromptSet((Point(1, 1), Point(2, 2, False))))


def mask(side: int) -> Mask:
    return Mask.from_crop(np.ones((side, side), bool), 0, 0, 64, 64)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nine hours before UTC, where midnight in UTC is the afternoon of the day before."""
    monkeypatch.setenv("TZ", "Etc/GMT+9")
    time.tzset()
    statistics._local_day.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    statistics._local_day.cache_clear()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two classes and four instances: two of an engine, one by hand, one imported."""
    sam = {"source": "sam", "prompts": TWO_POINTS, "author": "Ann", "created": "2026-03-02T08:30:00Z"}
    with Project.create(tmp_path / "p", state_folder=tmp_path / "state") as made:
        made.apply(
            c.AddImages(
                (
                    Image(1, "a.png", width=64, height=64, state=ImageState.DONE, changed="2026-03-02T23:00:00Z"),
                    Image(2, "b.png", width=64, height=64),
                    Image(3, "c.png", width=64, height=64, state=ImageState.REJECTED, changed="2026-03-02T23:00:00Z"),
                )
            ),
            c.AddCategories((Category(1, "car", "#ff0000"), Category(2, "dog", "#00ff00", position=1))),
            c.AddInstances(
                (
                    Instance(
                        1, 1, mask(4), 1, review=ReviewState.REVIEWED, reviewer="Kim", reviewed="2026-03-03T20:00:00Z",
                        provenance=Provenance(**sam, suggested="Car", seconds=4.0),
                    ),
                    Instance(2, 1, mask(5), 1, provenance=Provenance(**sam, suggested="dog", seconds=8, mask_edits=2)),
                    Instance(3, 3, mask(20), None, provenance=Provenance(author="Ben", editor="Ann", seconds=301.0)),
                    Instance(4, 3, mask(20), 2, review=ReviewState.NEEDS_WORK, provenance=Provenance("imported")),
                )
            ),
        )  # fmt: skip
        yield made


def test_all_figures(project: Project, zone: None) -> None:
    figures = statistics.read(project)
    assert (figures.images, figures.instances) == (3, 4)
    states = {"empty": 1, "draft": 0, "done": 1, "reviewed": 0, "needs work": 1, "error": 0}
    assert figures.image_states == states
    assert figures.review_states == {"draft": 2, "done": 0, "reviewed": 1, "needs work": 1}
    assert [(k.id, k.name, k.instances, k.seconds, k.prompts) for k in figures.classes] == [
        (1, "car", 2, 6.0, 2.0),
        (2, "dog", 1, None, None),
        (None, "", 1, 301.0, None),
    ]
    assert figures.sizes == (Bin(16, 32, 2), Bin(32, 64, 0), Bin(64, 128, 0), Bin(128, 256, 0), Bin(256, 512, 2))
    assert figures.sources == {"sam": 2, "hand": 1, "imported": 1}
    assert figures.suggestions == Suggestions(names_kept=1, names_changed=1, masks_kept=1, masks_edited=1)
    assert [b.count for b in figures.seconds] == [0, 1, 1, 0, 0, 0, 0, 0, 1]
    assert (figures.seconds_median, figures.timed) == (8.0, 3)
    assert [b.count for b in figures.prompts] == [0, 2, 0, 0, 0, 0, 0, 0, 0]
    assert (figures.prompts_mean, figures.prompted) == (2.0, 2)
    assert figures.days == (Day("2026-03-01", made=2), Day("2026-03-02", images_done=1), Day("2026-03-03", reviewed=1))
    assert figures.people == (Person("Ann", 2, 1, 0), Person("Ben", 1, 0, 0), Person("Kim", 0, 0, 1))


def test_changes_that_wait_to_be_written_are_counted(project: Project) -> None:
    project.apply(c.DeleteInstances((1, 2)), c.DeleteCategory(2))
    figures = statistics.read(project)
    assert figures.instances == 2
    assert [(k.name, k.instances) for k in figures.classes] == [("car", 0), ("", 2)]


def test_an_empty_project_has_figures_too(tmp_path: Path) -> None:
    with Project.create(tmp_path / "e", state_folder=tmp_path / "state") as made:
        figures = statistics.read(made)
    assert (figures.images, figures.instances, figures.sizes, figures.days, figures.people) == (0, 0, (), (), ())
    assert figures.seconds_median is None
    assert figures.prompts_mean is None


def test_the_table_says_what_the_figures_say(project: Project) -> None:
    figures = statistics.read(project)
    rows = list(csv.reader(io.StringIO(statistics.as_csv(figures))))
    assert rows[0] == ["group", "name", "value"]
    table = {(group, name): value for group, name, value in rows[1:]}
    assert len(table) == len(rows) - 1
    assert table["instances_of_class", "unlabelled"] == "1"
    assert table["sizes", "16–32"] == "2"
    assert table["prompts", "2"] == "2"
    assert table["seconds", "300+"] == "1"
    assert table["reviewed_by", "Kim"] == "1"
    assert table["suggestions", "masks_edited"] == "1"


def test_doubt_of_images_counts_only_what_nobody_judged(project: Project) -> None:
    def instance(instance_id: int, score: float, **values: object) -> Instance:
        edits = int(values.pop("mask_edits", 0))
        return Instance(
            instance_id, 2, mask(4), 1, provenance=Provenance("sam", score=score, mask_edits=edits), **values
        )

    project.apply(c.AddInstances((instance(10, 0.9), instance(11, 0.5), instance(12, 0.1, mask_edits=1))))
    project.apply(c.AddInstances((instance(13, 0.2, review=ReviewState.REVIEWED),)))
    waiting = project.doubts()
    project.flush()
    assert project.doubts() == waiting == {2: 0.5}
    project.apply(c.DeleteInstances((11,)))
    assert project.doubts() == pytest.approx({2: 0.1})
    project.flush()
    assert project.doubts() == pytest.approx({2: 0.1})
    project.apply(c.AddProposals((c.StoredProposal(1, 3, mask(3), score=0.25),)))
    project.flush()
    assert project.doubts() == pytest.approx({2: 0.1, 3: 0.75})
