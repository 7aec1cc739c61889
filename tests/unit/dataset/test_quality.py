"""Quality rules: each finds its fault, keeps quiet about good work, and its fix ends the finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from desktop.dataset.changes import AddCategories, AddImages, AddInstances, ReplaceImages, ReplaceInstances
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, ImageState, Instance, Provenance
from desktop.dataset.quality import Finding, Limits, Rule, check, check_image
from desktop.dataset.store import Project

WIDTH, HEIGHT = 80, 60
IMAGE = Image(1, "a.png", 0, WIDTH, HEIGHT, state=ImageState.DRAFT)


def block(x0: int, y0: int, x1: int, y1: int) -> Mask:
    pixels = np.zeros((HEIGHT, WIDTH), np.bool_)
    pixels[y0:y1, x0:x1] = True
    return Mask.from_array(pixels)


def found(*instances: Instance, image: Image = IMAGE, known: set[int] | None = None) -> list[Finding]:
    return list(check_image(image, instances, {3, 7} if known is None else known))


def test_good_work_has_no_findings() -> None:
    hole = block(10, 10, 30, 30).subtract(block(15, 15, 20, 20))
    assert found(Instance(1, 1, hole, 3), Instance(2, 1, block(40, 10, 60, 40), 3)) == []


@pytest.mark.parametrize("mask", [Mask.empty(WIDTH, HEIGHT), block(3, 3, 6, 8)])
def test_small(mask: Mask) -> None:
    (finding,) = found(Instance(4, 1, mask, 3))
    assert (finding.rule, finding.instance_ids) == (Rule.SMALL, (4,))
    assert f"{mask.area} px" in finding.text


def test_a_duplicate_is_the_one_behind() -> None:
    (finding,) = found(Instance(1, 1, block(0, 0, 40, 40), 3, z_order=5), Instance(2, 1, block(0, 0, 40, 41), 3))
    assert finding.rule is Rule.DUPLICATE
    assert finding.fix[0].instance_ids == (2,)  # type: ignore[union-attr]


def test_overlap_is_of_one_class_and_cut_from_the_one_behind() -> None:
    a, b = Instance(1, 1, block(0, 0, 40, 40), 3), Instance(2, 1, block(30, 0, 70, 40), 3)
    (finding,) = found(a, b)
    assert finding.text == "Instances 1 and 2 share 400 px."
    assert finding.fix == (ReplaceInstances((replace(a, mask=block(0, 0, 30, 40)),)),)
    assert found(a, replace(b, category_id=7)) == []
    assert found(a, replace(b, is_crowd=True)) == []
    assert found(replace(a, locked=True), b)[0].fix == ()


def test_stray_parts_and_pin_holes_are_repaired() -> None:
    mask = block(10, 10, 40, 40).union(block(50, 50, 53, 53)).subtract(block(20, 20, 22, 22))
    stray, hole = found(Instance(1, 1, mask, 3))
    assert (stray.rule, hole.rule) == (Rule.STRAY_PARTS, Rule.PIN_HOLES)
    assert stray.fix[0].instances[0].mask == block(10, 10, 40, 40).subtract(block(20, 20, 22, 22))  # type: ignore[union-attr]
    assert hole.fix[0].instances[0].mask.area == mask.area + 4  # type: ignore[union-attr]


def test_labels_scores_and_empty_images() -> None:
    sure, unsure = (Provenance("lite", score=score) for score in (0.9, 0.2))
    rules = [
        f.rule
        for f in found(
            Instance(1, 1, block(0, 0, 9, 9), provenance=sure),
            Instance(2, 1, block(10, 0, 19, 9), 99),
            Instance(3, 1, block(20, 0, 29, 9), 3, provenance=unsure),
            Instance(4, 1, block(30, 0, 39, 9), 3, provenance=replace(unsure, mask_edits=1)),
        )
    ]
    assert rules == [Rule.LOW_SCORE, Rule.UNLABELLED, Rule.UNKNOWN_CLASS]
    assert found() == []
    assert [f.rule for f in found(image=replace(IMAGE, state=ImageState.DONE))] == [Rule.NO_INSTANCES]


blocks = st.tuples(st.integers(0, 70), st.integers(0, 50), st.integers(1, 60), st.integers(1, 50)).map(
    lambda b: block(b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(masks=st.lists(blocks, min_size=1, max_size=4), cuts=st.lists(blocks, max_size=2))
@settings(deadline=None)
def test_fixing_ends(masks: list[Mask], cuts: list[Mask]) -> None:
    instances = {
        n: Instance(n, 1, mask.subtract(cuts[n % len(cuts)]) if cuts else mask, 3) for n, mask in enumerate(masks, 1)
    }
    for _ in range(30):
        fixable = [f for f in found(*instances.values()) if f.fix]
        if not fixable:
            break
        change = fixable[0].fix[0]
        if isinstance(change, ReplaceInstances):
            instances[change.instances[0].id] = change.instances[0]
        else:
            for number in change.instance_ids:  # type: ignore[union-attr]
                del instances[number]
    assert not [f for f in found(*instances.values()) if f.fix]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    for name in ("a.png", "b.png"):
        PillowImage.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / name)
    with Project.create(tmp_path / "p.maskwright") as opened:
        opened.apply(
            AddImages((IMAGE, replace(IMAGE, id=2, path="b.png"))),
            AddCategories((Category(3, "car", "#ff0000"),)),
            AddInstances((Instance(1, 1, block(1, 1, 4, 4), 3), Instance(2, 2, block(0, 0, 30, 30)))),
        )
        yield opened


def test_files_are_compared(project: Project) -> None:
    assert [f.rule for f in check(project)] == [Rule.SMALL, Rule.UNLABELLED]
    (project.folder / "a.png").unlink()
    PillowImage.new("RGB", (9, 9)).save(project.folder / "b.png")
    texts = [f.text for f in check(project) if f.rule is Rule.FILE]
    assert len(texts) == 2
    assert texts[1] == "The file has 9 × 9 pixels, the project 80 × 60."
    assert not [f for f in check(project, files=False) if f.rule is Rule.FILE]
    project.apply(ReplaceImages((replace(project.image(2), page=3),)))
    assert "page 4 is gone" in [f for f in check(project) if f.rule is Rule.FILE][1].text


def test_limits_decide(project: Project) -> None:
    assert not [f for f in check(project, Limits(min_pixels=9)) if f.rule is Rule.SMALL]
