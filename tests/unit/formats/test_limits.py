"""What a format says that it keeps survives it; what it does not keep is said, counted, before it is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from desktop.dataset.formats.contract import ExportFormat
from desktop.dataset.formats.registry import EXPORTS, export_format, import_format
from desktop.dataset.formats.traits import Trait
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Comment, Image, Instance, Kind, Provenance
from tests.unit.formats.conftest import HEIGHT, WIDTH, block
from tests.unit.formats.project_strategy import Drawn, MemoryProject
from tests.unit.formats.test_round_trips import SOURCE

PLAIN = (
    Instance(10, 5, block(0, 0, 10, 10), 3),
    Instance(12, 5, block(12, 0, 20, 10), 3),
    Instance(15, 9, block(0, 20, 30, 38), 3),
)
CAR, SKY = Category(3, "car", "#ff0000", position=0), Category(8, "하늘", "#00ff00", Kind.STUFF, position=1)
IMAGES = (Image(5, "photos/사진 a.png", 0, WIDTH, HEIGHT), Image(9, "b.png", 0, WIDTH, HEIGHT))


def drawn(*instances: Instance, categories: tuple[Category, ...] = (CAR,)) -> Drawn:
    return Drawn(IMAGES, categories, (*PLAIN, *instances))


WITH = {
    Trait.KINDS: drawn(Instance(20, 9, block(30, 0, 60, 9), 8), categories=(CAR, SKY)),
    Trait.STUFF_PIECES: drawn(
        Instance(20, 9, block(30, 0, 40, 9), 8), Instance(21, 9, block(50, 0, 60, 9), 8), categories=(CAR, SKY)
    ),
    Trait.PARENTS: drawn(categories=(replace(CAR, parent="탈것"),)),
    Trait.UNUSED_CLASSES: drawn(categories=(CAR, Category(9, "never", "#0000ff", position=1))),
    Trait.OVERLAPS: drawn(Instance(20, 9, block(10, 10, 40, 30), 3)),
    Trait.Z_ORDER: drawn(Instance(20, 9, block(30, 0, 60, 9), 3, z_order=4)),
    Trait.HOLES: drawn(Instance(20, 9, block(30, 0, 60, 9, (40, 3, 45, 6)).union(block(0, 0, 3, 3)), 3)),
    Trait.CROWDS: drawn(Instance(20, 9, block(30, 0, 60, 9), 3, is_crowd=True)),
    Trait.ATTRIBUTES: drawn(Instance(20, 9, block(30, 0, 60, 9), 3, {"색": "빨강"})),
    Trait.SCORES: drawn(Instance(20, 9, block(30, 0, 60, 9), 3, provenance=Provenance(score=0.625))),
    Trait.COMMENTS: drawn(Instance(20, 9, block(30, 0, 60, 9), 3, comments=(Comment("really?"),))),
}
"""The traits of which a project may have none; the others are in every project."""


def there_and_back(known: ExportFormat, project: MemoryProject, folder: Path) -> MemoryProject:
    known.write(project, folder, {})
    again = MemoryProject(project.folder)
    plan = import_format(known.name).plan(again, folder / SOURCE.get(known.name, ""), {})
    assert plan.rejected == ()
    again.apply(*plan.changes)
    return again


def seen(project: MemoryProject, trait: Trait) -> Any:
    """What a project has of a trait, in a form that does not depend on the other traits."""
    images = sorted(project.images(), key=lambda image: image.path)
    instances = [(image.path, i) for image in images for i in project.instances(image.id)]
    classes = {category.id: category for category in project.categories()}
    match trait:
        case Trait.SEPARATE | Trait.STUFF_PIECES:
            return sorted((path, i.mask.area) for path, i in instances)
        case Trait.INSTANCE_IDS:
            return sorted((path, i.id) for path, i in instances)
        case Trait.CLASS_IDS | Trait.UNUSED_CLASSES:
            number = (lambda c: c.id) if trait is Trait.CLASS_IDS else (lambda c: 0)
            return sorted((c.name, number(c)) for c in classes.values())
        case Trait.COLOURS:
            return {c.name: c.colour for c in classes.values()}
        case Trait.KINDS:
            return {c.name: c.kind for c in classes.values()}
        case Trait.PARENTS:
            return {c.name: c.parent for c in classes.values()}
        case Trait.OVERLAPS | Trait.HOLES:
            return {(path, i.mask) for path, i in instances}
        case Trait.Z_ORDER:
            return sorted((path, i.mask.area, i.z_order) for path, i in instances)
        case Trait.CROWDS:
            return sorted((path, i.mask.area, i.is_crowd) for path, i in instances)
        case Trait.ATTRIBUTES:
            return sorted((path, i.mask.area, sorted(i.attributes.items())) for path, i in instances)
        case Trait.SCORES:
            return sorted((path, i.mask.area, i.provenance.score or 0) for path, i in instances)
        case Trait.COMMENTS:
            return [i.comments for _, i in instances]
        case Trait.SOURCES:
            return [i.provenance.prompts for _, i in instances]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "project"
    for image in IMAGES:
        (home / image.path).parent.mkdir(parents=True, exist_ok=True)
        PillowImage.new("L", (WIDTH, HEIGHT)).save(home / image.path)
    return home


@pytest.mark.parametrize("trait", list(Trait))
@pytest.mark.parametrize("known", EXPORTS, ids=lambda known: known.name)
def test_kept_or_said(known: ExportFormat, trait: Trait, home: Path, tmp_path: Path) -> None:
    project = MemoryProject(home, WITH.get(trait, drawn()))
    plain = {p.text for p in known.preflight(MemoryProject(home, drawn()), tmp_path / "out", {}).problems}
    said = [p.text for p in known.preflight(project, tmp_path / "out", {}).problems if p.text not in plain]
    if trait in known.keeps:
        again = there_and_back(known, project, tmp_path / "out")
        assert seen(again, trait) == seen(project, trait)
        assert {i.path for i in again.images()} == {i.path for i in IMAGES}
    elif trait in WITH:
        assert said, f"{known.name} loses {trait} and does not say so"
        assert any(digit in " ".join(said) for digit in "123456789")
    if trait is Trait.HOLES:  # the pixels survive everywhere
        assert seen(there_and_back(known, project, tmp_path / "holes"), trait) == seen(project, trait)


@pytest.mark.parametrize("known", EXPORTS, ids=lambda known: known.name)
def test_images_without_instances_and_unicode_names_survive(known: ExportFormat, home: Path, tmp_path: Path) -> None:
    project = MemoryProject(home, Drawn(IMAGES, (CAR, SKY), (Instance(20, 9, block(0, 0, 9, 9), 8),)))
    again = there_and_back(known, project, tmp_path / "out")
    assert {(image.path, len(again.instances(image.id))) for image in again.images()} == {
        ("photos/사진 a.png", 0),
        ("b.png", 1),
    }
    assert "하늘" in {category.name for category in again.categories()}


def test_options_that_leave_something_out_say_so(home: Path, tmp_path: Path) -> None:
    both = drawn(Instance(20, 9, block(30, 0, 60, 9), 3, {"a": "b"}, provenance=Provenance(score=0.5)))
    options = {"score": False, "attributes": ""}
    texts = [p.text for p in export_format("coco").preflight(MemoryProject(home, both), tmp_path, options).problems]
    assert texts == ["The attributes of 1 instance are not written.", "The score of 1 instance is not written."]
    semantic = export_format("mask-png").preflight(MemoryProject(home, drawn()), tmp_path, {"kinds": "semantic"})
    assert [p.text for p in semantic.problems] == ["1 instance becomes one with another of its class."]


def test_a_crowd_that_becomes_ignore_is_not_said_to_become_an_object(home: Path, tmp_path: Path) -> None:
    crowd = MemoryProject(home, WITH[Trait.CROWDS])
    for name, options in (("mask-png", {"ignore": True}), ("voc", {})):
        texts = [p.text for p in export_format(name).preflight(crowd, tmp_path, options).problems]
        assert len(texts) == 1
        assert "crowd" in texts[0]
        assert "255" in texts[0]


def test_a_second_class_of_the_same_name_is_said(home: Path, tmp_path: Path) -> None:
    twice = drawn(categories=(CAR, replace(CAR, id=4, position=1)))
    texts = [p.text for p in export_format("coco").preflight(MemoryProject(home, twice), tmp_path, {}).problems]
    assert "2 classes are called 'car'; readers that go by the name take them for one." in texts


def test_an_attribute_that_the_format_uses_itself_is_said(home: Path, tmp_path: Path) -> None:
    clash = drawn(Instance(20, 9, block(30, 0, 60, 9), 3, {"score": "high"}, provenance=Provenance(score=0.5)))
    known = export_format("datumaro")
    texts = [p.text for p in known.preflight(MemoryProject(home, clash), tmp_path, {}).problems]
    assert texts == ["The attribute 'score' gives way to the format's own of that name, 1 times."]


@pytest.mark.parametrize("name", ["#begins a remark", " spaces ", "two\nlines", "para\u2029graph"])
def test_names_that_voc_has_no_room_for(home: Path, tmp_path: Path, name: str) -> None:
    project = MemoryProject(home, drawn(categories=(replace(CAR, name=name),)))
    with pytest.raises(Exception, match="Pascal VOC cannot hold the class name"):
        export_format("voc").preflight(project, tmp_path, {})


def test_masks_of_one_pixel_and_of_the_whole_image_survive(home: Path, tmp_path: Path) -> None:
    whole = Mask.from_array(np.ones((HEIGHT, WIDTH), bool))
    pixel = block(WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT)
    for known in EXPORTS:
        project = MemoryProject(home, Drawn(IMAGES, (CAR,), (Instance(1, 5, whole, 3), Instance(2, 9, pixel, 3))))
        again = there_and_back(known, project, tmp_path / known.name)
        assert {i.mask for image in again.images() for i in again.instances(image.id)} == {whole, pixel}
