"""Undo steps as values, and prompts as JSON."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from desktop.dataset.changes import AddInstances, DeleteInstances, ReplaceInstances
from desktop.dataset.errors import PromptFormatError
from desktop.dataset.history import Histories, History, Step
from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance
from desktop.dataset.prompt_json import from_json, to_json
from inference.prompts import Box, MaskPrompt, Point, Polygon, PromptSet, Reference, Scribble, Text

ONE = Instance(1, 1, Mask.from_array(np.ones((4, 4), bool)))
TWO = replace(ONE, id=2)


def test_a_step_holds_only_what_changed():
    step = Step.of_instances(
        "Edit", [ONE, TWO], [ONE, replace(TWO, reviewer="x"), replace(ONE, id=3)], payload="session"
    )
    assert step.forward == (AddInstances((replace(ONE, id=3),)), ReplaceInstances((replace(TWO, reviewer="x"),)))
    assert step.backward == (DeleteInstances((3,)), ReplaceInstances((TWO,)))
    assert step.payload == "session"


def test_undo_redo_and_jump():
    history = History()
    steps = [Step.of_instances(f"Step {n}", [], [replace(ONE, id=n)]) for n in range(1, 5)]
    for step in steps:
        history.push(step)
    assert history.undo() is steps[3]
    assert (history.undo_name, history.redo_name) == ("Step 3", "Step 4")
    assert history.redo() is steps[3]
    assert history.jump(1) == (DeleteInstances((4,)), DeleteInstances((3,)), DeleteInstances((2,)))
    assert history.jump(3) == steps[1].forward + steps[2].forward
    history.push(steps[0])
    assert [step.name for step in history.steps] == ["Step 1", "Step 2", "Step 3", "Step 1"]
    assert history.redo() is None
    with pytest.raises(IndexError):
        history.jump(5)


def test_limits_drop_the_oldest():
    history = History(max_steps=200)
    for number in range(250):
        history.push(Step(str(number), (), ()))
    assert [history.steps[0].name, len(history.steps)] == ["50", 200]
    small = History(max_bytes=10_000)
    for number in range(5):
        small.push(Step(str(number), (), (), payload_bytes=4000))
    assert [step.name for step in small.steps] == ["3", "4"]
    assert small.nbytes == sum(step.nbytes for step in small.steps)
    assert Histories().of_image(3).undo() is None


def test_pushing_a_megapixel_mask_is_quick():
    rng = np.random.default_rng(0)
    mask = Mask.from_array(rng.random((1000, 1000)) < 0.5)
    before, after = replace(ONE, mask=mask), replace(ONE, mask=mask.subtract(mask.translated(1, 0)))
    history = History()
    times = []
    for _ in range(20):
        started = time.perf_counter()
        history.push(Step.of_instances("Brush stroke", [before], [after]))
        times.append(time.perf_counter() - started)
    assert sorted(times)[10] < 0.002


def test_prompts_survive_json():
    mask = np.zeros((6, 5), bool)
    mask[2:4, 1:3] = True
    pixels = np.zeros((6, 5, 3), np.uint8)
    prompts = (
        Point(1.5, 2.5, False, 2),
        Box(0, 1, 4.5, 5),
        Scribble(((0.0, 1.0), (2.0, 3.5)), 8.0, False),
        Polygon(((0.0, 0.0), (4.0, 0.0), (0.0, 4.0))),
        Text("räd car", False),
    )
    assert from_json(to_json(PromptSet(prompts, frozenset({1, 4})))) == PromptSet(prompts, frozenset({1, 4}))
    text = to_json(PromptSet((MaskPrompt(mask), Reference(pixels, mask, "b.jpg", False))))
    prior, reference = from_json(text, {"b.jpg": pixels}.get).prompts
    assert (prior.mask == mask).all()
    assert (reference.mask == mask).all()
    assert (reference.name, reference.positive) == ("b.jpg", False)
    with pytest.raises(PromptFormatError, match=r"'b\.jpg' is not available"):
        from_json(text)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format":1,"prompts":[{"kind":"x","positive":true}]}', '{"format":9,"prompts":[]}']
)
def test_broken_prompt_history_is_refused(text):
    with pytest.raises(PromptFormatError):
        from_json(text)
