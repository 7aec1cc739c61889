"""Peekaboo as an engine: a run, its previews and its end, cancelling and going on, warm starts, what is refused."""

from __future__ import annotations

import weakref
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.engine import (
    Cancelled,
    EngineError,
    Image,
    OptionValue,
    Preview,
    UnusablePrompts,
    WeightsMissing,
    WrongWeights,
    silent,
)
from inference.engines import peekaboo
from inference.messages import Dropped, Progress, Segment
from inference.models.peekaboo import search as searching
from inference.models.peekaboo.dream import composite, dream, gravity, intersection
from inference.models.peekaboo.marks import Marks, marks_of
from inference.models.peekaboo.presets import PRESETS, Preset, chosen
from inference.models.peekaboo.search import Search, Steadiness
from inference.models.peekaboo.segmenter import PeekabooSegmenter
from inference.prompts import Box, MaskPrompt, Point, Polygon, Prompt, PromptSet, Reference, Scribble, Text
from inference.results import Memory, Segmentation
from inference.server import InProcess
from tests.unit.inference.diffusion_model import changed, write_diffusion
from tests.unit.inference.stub_server import Ears

SIZE = (48, 80)
COW = Text("brown cow")
QUICK: dict[str, OptionValue] = {"preset": "fast", "iterations": 3}


class Watcher:
    """A report that notes what it is told and can cancel at a call."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.calls = 0
        self.cancel_at = cancel_at
        self.previews: list[Preview] = []
        self.fractions: list[float] = []
        self.messages: list[str] = []

    def __call__(self, fraction: float | None, message: str, preview: Preview | None = None) -> None:
        self.calls += 1
        self.messages.append(message)
        if fraction is not None:
            self.fractions.append(fraction)
        if preview is not None:
            self.previews.append(preview)
        if self.calls == self.cancel_at:
            raise Cancelled


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diffusion")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        write_diffusion(folder / "sd")
    return folder


@pytest.fixture(scope="module")
def loaded(models: Path) -> PeekabooSegmenter:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(models))
        engine = peekaboo.create()
    assert isinstance(engine, PeekabooSegmenter)
    return engine


@pytest.fixture
def engine(loaded: PeekabooSegmenter, monkeypatch: pytest.MonkeyPatch) -> PeekabooSegmenter:
    monkeypatch.setitem(PRESETS, "fast", replace(PRESETS["fast"], picture_size=64, alpha_size=64))
    loaded.configure(QUICK)
    loaded.reseed(0)
    loaded._interrupted = None
    return loaded


@pytest.fixture
def no_dream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The diffusion model has no opinion: what is left is quick."""

    def nothing(diffusion: object, picture: Tensor, *_: object) -> SimpleNamespace:
        return SimpleNamespace(loss=0 * picture.sum())

    monkeypatch.setattr(searching, "dream", nothing)


@pytest.fixture(scope="module")
def picture() -> Image:
    return Image(np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8), "hash")


def _ask(
    engine: PeekabooSegmenter, image: Image, *said: Prompt, memory: Memory | None = None, report: Watcher | None = None
) -> Segmentation:
    return engine.segment(engine.encode(image, silent), PromptSet(said), memory, report or silent)


def _alpha(answer: Segmentation) -> np.ndarray:
    assert answer.memory is not None
    return np.asarray(answer.memory.arrays["alpha"], np.float32)


def _search(engine: PeekabooSegmenter, preset: Preset, captions: list[str], side: int = 32) -> Search:
    embedded = engine._embedded(["", *captions])
    image = torch.rand(3, side, side, generator=torch.Generator().manual_seed(5))
    empty = np.zeros((side, side), bool)
    pairs = [embedded[[0, 1 + row]] for row in range(len(captions))]
    return Search(engine._diffusion, preset, image, pairs, Marks((0, 0, 32, 32), empty, empty, None), 7)


def test_a_caption_gives_a_mask_after_a_run_with_previews(engine: PeekabooSegmenter, picture: Image) -> None:
    told = Watcher()
    answer = _ask(engine, picture, COW, report=told)
    (candidate,) = answer.candidates
    assert candidate.mask().shape == SIZE
    assert 0.5 < candidate.score < 1
    assert not candidate.calibrated
    assert answer.notes == ("3 iterations.",)
    assert told.messages[-1] == "Iteration 3 of 3"
    assert told.fractions == sorted(told.fractions)
    assert told.previews
    assert all(each.shape == SIZE and each.min() >= 0 and each.max() <= 1 for each in told.previews)
    assert np.array_equal(_alpha(answer), _alpha(_ask(engine, picture, COW)))
    engine.reseed(1)
    assert not np.array_equal(_alpha(answer), _alpha(_ask(engine, picture, COW)))


@pytest.mark.parametrize("form", ["fourier, filtered", "fourier", "raster, filtered", "raster"])
def test_every_form_moves(engine: PeekabooSegmenter, form: str) -> None:
    preset = Preset(form=form, iterations=1, picture_size=64, alpha_size=32, learning_rate=1e-3)
    search = _search(engine, preset, ["brown cow"])
    before = search.alphas()
    search.step()
    assert (search.alphas() - before).abs().max() > 0
    assert search.ended == "1 iterations."


def test_a_step_is_the_published_one(engine: PeekabooSegmenter) -> None:
    """Alpha anew for each background and gradients summed, as published, against once per step."""
    preset = Preset(
        form="fourier, filtered", backgrounds=2, picture_size=64, alpha_size=32, intersection=0.2, learning_rate=1e-4
    )
    ours, theirs = (_search(engine, preset, ["brown cow", "red jacket"]) for _ in range(2))
    ours.step()
    for _ in range(preset.backgrounds):
        colour = torch.rand(3, generator=theirs.generator)
        for caption, embeddings in enumerate(theirs.embeddings):
            time = int(torch.randint(20, 981, (), generator=theirs.generator))
            noise, eta = (torch.randn(1, 4, 8, 8, generator=theirs.generator) for _ in range(2))
            shown = composite(theirs.alpha()[caption], theirs.image, colour)
            dream(engine._diffusion, shown, embeddings, time, noise, eta, 100.0).loss.backward()
    alphas = theirs.alpha()
    (gravity(alphas, 0.05 * 64) + intersection(alphas, 0.2 * 64)).backward()
    theirs.optimiser.step()
    for mine, other in zip(ours.alpha.parameters(), theirs.alpha.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-6, rtol=1e-4)


def test_intersection_sums_products_of_pairs() -> None:
    alphas = torch.rand(3, 4, 5)
    pairs = sum((alphas[a] * alphas[b]).sum() for a, b in ((0, 1), (0, 2), (1, 2)))
    assert torch.allclose(intersection(alphas, 0.05), 0.05 * torch.as_tensor(pairs))
    assert intersection(alphas[:1]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("at", [1, 3, 5, 8])
def test_cancelling_takes_effect_at_once_and_the_run_can_go_on(
    engine: PeekabooSegmenter, picture: Image, at: int
) -> None:
    whole = _alpha(_ask(engine, picture, COW))
    told = Watcher(cancel_at=at)
    with pytest.raises(Cancelled):
        _ask(engine, picture, COW, report=told)
    assert told.calls == at
    resumed = Watcher()
    assert np.array_equal(_alpha(_ask(engine, picture, COW, report=resumed)), whole)
    assert resumed.calls <= 9 - 3 * ((at - 1) // 3)
    assert np.array_equal(_alpha(_ask(engine, picture, COW)), whole)


def test_going_on_is_for_the_same_question_only(engine: PeekabooSegmenter, picture: Image) -> None:
    with pytest.raises(Cancelled):
        _ask(engine, picture, COW, report=Watcher(cancel_at=5))
    told = Watcher()
    _ask(engine, picture, Text("red jacket"), report=told)
    assert told.messages[0] == "Iteration 1 of 3"


@pytest.mark.usefixtures("no_dream")
def test_fitting_a_network_to_a_start_can_be_interrupted(
    engine: PeekabooSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "FITTING_STEPS", 30)
    preset = Preset(form="fourier", iterations=1, picture_size=64, alpha_size=32)
    target = torch.zeros(1, 32, 32)
    target[:, :16] = 1
    runs = []
    for stops in ((), (3, 20)):
        search = _search(engine, preset, ["brown cow"])
        search.start = target
        for stop in stops:
            with pytest.raises(Cancelled):
                search.run(Watcher(cancel_at=stop), searching.nothing_shown)
        search.run(silent, searching.nothing_shown)
        runs.append(search.alphas())
    assert torch.equal(runs[0], runs[1])
    assert runs[0][0, :16].mean() > 0.8
    assert runs[0][0, 16:].mean() < 0.2


def test_as_a_background_job(models: Path, engine: PeekabooSegmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Live previews, cancelling, and going on where it was, as the window does it."""
    monkeypatch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(models))
    monkeypatch.setattr(peekaboo, "create", lambda: engine)
    seen = Image(np.zeros((*SIZE, 3), np.uint8), "black")
    # many: the job has to last until it is cancelled, however fast the machine is
    options: dict[str, OptionValue] = {**QUICK, "iterations": 1000, "settle": False}
    ears = Ears(InProcess())
    asked = Segment("peekaboo", seen, PromptSet((COW,)), "s", 1, as_job=True, options=options)
    job = ears.submit(asked)
    shown = ears.wait(lambda event: isinstance(event, Progress) and event.preview is not None)
    assert isinstance(shown, Progress)
    assert shown.preview is not None
    assert shown.preview.shape == SIZE
    # of reports in quick succession only the newest is delivered
    ears.wait(lambda event: isinstance(event, Progress) and _iteration(event) >= 3)
    ears.server.cancel(job)
    assert isinstance(ears.end(job), Dropped)
    again = ears.submit(replace(asked, revision=2))
    first = ears.wait(lambda e: isinstance(e, Progress) and e.job == again and _iteration(e) > 0)
    assert isinstance(first, Progress)
    assert _iteration(first) >= 3
    ears.server.cancel(again)
    assert isinstance(ears.end(again), Dropped)
    assert ears.server.close(10.0)


def _iteration(event: Progress) -> int:
    """The number in "Iteration 3 of 1000"; 0 in other reports."""
    words = event.message.split()
    return int(words[1]) if words[:1] == ["Iteration"] else 0


def test_several_captions_and_negative_ones(engine: PeekabooSegmenter, picture: Image) -> None:
    answer = _ask(engine, picture, COW, Text("red jacket"), Text("green grass", positive=False))
    assert [each.labels[0].name for each in answer.candidates] == ["brown cow", "red jacket"]
    assert _alpha(answer).shape == (3, 64, 64)
    alone = _ask(engine, picture, COW, Text("red jacket"))
    engine.configure({**QUICK, "captions": "averaged"})
    mean = _ask(engine, picture, COW, Text("red jacket"))
    assert _alpha(mean).shape == (1, 64, 64)
    assert len(mean.candidates) == 1
    assert not np.array_equal(_alpha(mean)[0], _alpha(alone)[0])


def test_a_mask_a_memory_and_marks_are_heeded(engine: PeekabooSegmenter, picture: Image) -> None:
    mask = np.zeros(SIZE, bool)
    mask[10:30, 20:60] = True
    engine.configure({**QUICK, "rate": 0.01})
    warm = _ask(engine, picture, COW, MaskPrompt(mask))
    assert warm.notes == ("1 iterations.",)
    found = warm.candidates[0].mask()
    assert (found & mask).sum() / (found | mask).sum() > 0.8
    again = _ask(engine, picture, COW, memory=warm.memory)
    second = again.candidates[0].mask()
    assert (found & second).sum() / (found | second).sum() > 0.9
    marked = _ask(
        engine, picture, COW, MaskPrompt(mask), Scribble(((70.0, 5.0), (70.0, 40.0)), 4.0), Point(40.5, 20.5, False)
    ).candidates[0]  # fmt: skip
    assert marked.mask()[20, 70]
    assert not marked.mask()[20, 40]
    boxed = _ask(engine, picture, COW, Box(20, 10, 60, 30)).candidates[0]
    assert not boxed.mask()[:, :19].any()
    assert not boxed.mask()[31:].any()
    assert boxed.frame.region == (14, 4, 66, 36)


def test_strokes_pull_their_surroundings() -> None:
    side = 32
    said = [Polygon(((0, 0), (10, 0), (10, 10))), Scribble(((5.0, 5.0), (20.0, 5.0)), 3.0), Box(0, 16, 32, 32, False)]
    marks = marks_of(said, side, side, side)
    assert marks.start is not None
    assert marks.inside[5, 15]
    assert marks.outside[20:].all()
    assert not marks.outside[:15].any()
    assert marks.region == (0, 0, side, side)


@pytest.mark.usefixtures("no_dream")
def test_a_settled_mask_ends_the_run(engine: PeekabooSegmenter) -> None:
    steady = Steadiness()
    mask = np.eye(8, dtype=bool)[None]
    assert [steady.look(mask) for _ in range(4)] == [False, False, False, True]
    assert not steady.look(~mask)
    preset = Preset(form="raster", learning_rate=1e-12, picture_size=64, alpha_size=32)
    search = _search(engine, preset, ["brown cow"])
    search.run(silent, searching.nothing_shown)
    assert search.ended == "Settled after 60 iterations."


@pytest.mark.usefixtures("no_dream")
@pytest.mark.parametrize(("level", "word"), [(-9.0, "vanished"), (9.0, "covers everything")])
def test_masks_of_nothing_and_of_everything_end_the_run(engine: PeekabooSegmenter, level: float, word: str) -> None:
    search = _search(engine, Preset(form="raster", learning_rate=1e-12, picture_size=64, alpha_size=32), ["brown cow"])
    with torch.no_grad():
        next(search.alpha.parameters()).fill_(level)
    search.run(silent, searching.nothing_shown)
    assert search.done == 10
    assert word in search.ended


def test_presets_and_options() -> None:
    assert chosen(peekaboo.SPEC, {}) == PRESETS["code"]
    paper = chosen(peekaboo.SPEC, {"preset": "paper"})
    assert (paper.iterations, paper.form, paper.gravity) == (200, "raster, filtered", 0.05)
    other = chosen(peekaboo.SPEC, {"iterations": 7, "rate": 30.0, "form": "raster", "settle": False})
    assert (other.iterations, other.form, other.settles) == (7, "raster", False)
    assert other.learning_rate == pytest.approx(3e-4)


def test_what_is_not_taken(engine: PeekabooSegmenter, picture: Image) -> None:
    with pytest.raises(UnusablePrompts, match="caption"):
        _ask(engine, picture, Point(1, 1))
    with pytest.raises(UnusablePrompts, match="caption"):
        _ask(engine, picture, Text("grass", positive=False), Text("  "))
    reference = Reference(picture.pixels, np.ones(SIZE, bool))
    ignored = {each.kind: each.count for each in _ask(engine, picture, Text("cow " * 100), reference).ignored}
    assert ignored.pop("reference") == 1
    ((kind, count),) = ignored.items()
    assert "77" in kind
    assert count > 20
    with pytest.raises(EngineError, match="whole images"):
        engine.everything(engine.encode(picture, silent), None, silent)


@pytest.mark.parametrize("size", [(1, 1), (3, 500)])
def test_odd_images(engine: PeekabooSegmenter, size: tuple[int, int]) -> None:
    engine.configure({**QUICK, "iterations": 1})
    answer = _ask(engine, Image(np.zeros((*size, 3), np.uint8), "black"), COW)
    assert all(each.mask().shape == size for each in answer.candidates)
    _ask(engine, Image(np.zeros((*size, 3), np.uint8), "black"), COW, Box(0, 0, 1, 1))


def test_missing_and_wrong_weights(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(tmp_path))
    assert not peekaboo.installed()
    with pytest.raises(WeightsMissing, match=r"Peekaboo needs Stable Diffusion 1\.x"):
        peekaboo.create()
    write_diffusion(tmp_path / "other")
    assert peekaboo.installed()
    changed(tmp_path / "other" / "scheduler" / "scheduler_config.json", prediction_type="v_prediction")
    with pytest.raises(WrongWeights, match="other holds Stable Diffusion 2"):
        peekaboo.create()


def test_the_largest_graph_is_gone_when_the_next_dream_begins(
    engine: PeekabooSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory does not grow with the number of captions: each dream ends before the next begins."""
    alive: list[int] = []
    graphs: list[object] = []

    def counted(*given: object, **named: object) -> object:
        alive.append(sum(1 for each in graphs if each() is not None))  # type: ignore[operator]
        found = dream(*given, **named)  # type: ignore[arg-type]
        graphs.append(weakref.ref(found.enlarged))
        return found

    monkeypatch.setattr(searching, "dream", counted)
    preset = Preset(form="raster", picture_size=64, alpha_size=32)
    _search(engine, preset, ["brown cow", "red jacket", "green coat"]).step()
    assert alive == [0, 0, 0]


def test_alpha_stays_within_its_range(engine: PeekabooSegmenter) -> None:
    search = _search(engine, Preset(form="raster", picture_size=64, alpha_size=32, learning_rate=1.0), ["brown cow"])
    for _ in range(3):
        search.step()
    alphas: Tensor = search.alphas()
    assert torch.isfinite(alphas).all()
    assert alphas.min() >= 0
    assert alphas.max() <= 1
