"""References, phrases and held prompts of the workspace (ux.md §2.2, §4, §6)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.workspace import Workspace
from inference.prompts import Point, PromptKind, Reference
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH, FakeWorker

REGION = Mask.from_polygons([[(4, 4), (20, 4), (20, 16), (4, 16)]], WIDTH, HEIGHT)


def reference_of(workspace: Workspace) -> Reference:
    (prompt,) = workspace.prompts.prompts
    assert isinstance(prompt, Reference)
    return prompt


def test_a_region_of_another_image_prompts_and_is_kept(
    browsing: Workspace, worker: FakeWorker, make: Callable[[], Workspace], qtbot: QtBot, photos: Path
) -> None:
    browsing.set_find_with("pairs")
    browsing.set_refine_with("pairs")
    cat = browsing.add_category("cat")
    browsing.set_current_category(browsing.add_category("dog"))
    browsing.add_reference(2, REGION, cat)
    qtbot.waitUntil(lambda: len(browsing.prompts) == 1)
    prompt = reference_of(browsing)
    assert prompt.name == "img2.png"
    assert int(prompt.pixels[0, 0, 0]) == 80, "the pixels are those of the second image"
    assert np.array_equal(prompt.mask, REGION.to_array())
    assert browsing.current_category is not None
    assert browsing.current_category.name == "cat", "the class of the picked instance is chosen"
    (asked,) = worker.segments
    assert asked.engine == "pairs"
    worker.answer()
    browsing.accept()
    (instance,) = browsing.instances.values()
    assert "img2.png" in instance.provenance.prompts
    browsing.close_project()

    again = make()
    again.open_folder(photos)
    (kept,) = again.references
    assert (kept.name, kept.image_id, kept.mask) == ("cat", 2, REGION)
    again.use_reference(kept.id)
    qtbot.waitUntil(lambda: len(again.prompts) == 1)
    assert reference_of(again).name == "img2.png"
    again.remove_reference(kept.id)
    assert not again.references
    assert len(again.prompts) == 1, "the session keeps what it uses"


def test_the_same_region_is_kept_once(browsing: Workspace) -> None:
    browsing.add_reference(2, REGION)
    browsing.add_reference(2, REGION)
    assert len(browsing.references) == 1
    assert browsing.references[0].name == "img2"


def test_an_engine_without_references_says_who_takes_them(browsing: Workspace, qtbot: QtBot) -> None:
    browsing.add_reference(2, REGION)
    qtbot.waitUntil(lambda: len(browsing.prompts) == 1)
    session = browsing.session
    assert session is not None
    assert [(i.kind, i.count) for i in session.ignored] == [(PromptKind.REFERENCE, 1)]
    sentence = (
        "Classic uses points, boxes, scribbles and masks; references are ignored. References would work with Pairs."
    )
    assert browsing.can_run() == session.message == sentence
    browsing.add_prompt(Point(20, 20))
    assert browsing.can_run() == "", "the point can be used"


def test_without_any_engine_for_it_the_sentence_says_so(browsing: Workspace, qtbot: QtBot) -> None:
    pairs = browsing.specs["pairs"]
    browsing.set_engine_specs([pairs], frozenset({"pairs"}))
    browsing.add_reference(2, REGION)
    qtbot.waitUntil(lambda: len(browsing.prompts) == 1)
    assert browsing.can_run().endswith("References would work with Pairs, which cannot be used yet.")


def test_held_prompts_are_collected_from_the_first_on(browsing: Workspace, worker: FakeWorker) -> None:
    browsing.hold_requests(True)
    browsing.add_prompt(Point(10, 10))
    browsing.add_prompt(Point(30, 30))
    assert not worker.segments
    browsing.hold_requests(False)
    (asked,) = worker.segments
    assert len(asked.prompts) == 2


@pytest.mark.parametrize(
    ("classes", "chosen", "expected"),
    [
        (("car", "red bus"), {}, "red bus"),
        (("car", "dog"), {"red bus": "dog"}, "dog"),
        (("car",), {}, "car"),
        ((), {}, "red bus"),
    ],
)
def test_what_a_phrase_found_gets_its_class(
    browsing: Workspace, worker: FakeWorker, classes: tuple[str, ...], chosen: dict[str, str], expected: str
) -> None:
    browsing.set_find_with("words")
    browsing.set_refine_with("words")
    ids = {name: browsing.add_category(name) for name in classes}
    if ids:
        browsing.set_current_category(ids["car"])
    browsing.class_of_phrase.update({phrase: ids[name] for phrase, name in chosen.items()})
    browsing.add_text("red bus")
    worker.answer()
    browsing.accept()
    (instance,) = browsing.instances.values()
    assert browsing.class_name(instance.category_id) == expected
