"""Ref-Diff as an engine: what a text costs, what is kept, what options and prompts change, and what is refused."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from desktop.session import Session
from inference.engine import (
    Cancelled,
    EngineError,
    Image,
    Preview,
    UnusableOption,
    UnusablePrompts,
    WeightsMissing,
    WrongWeights,
    silent,
)
from inference.engines import refdiff
from inference.models.diffusion import stable
from inference.models.refdiff import answering, scores
from inference.models.refdiff.looking import RefDiffFeatures
from inference.models.refdiff.root_word import RootWord
from inference.models.refdiff.segmenter import RefDiffSegmenter
from inference.prompts import Box, MaskArray, Point, Prompt, PromptSet, Scribble, Text
from inference.results import Region, Segmentation
from tests.command_line import run
from tests.unit.inference.diffusion_model import changed, write_clip, write_models

SIZE = (60, 90)
FAST = {"detail": "fast", "proposals": "lite"}
COW, LEFT = Text("brown cow"), Text("brown cow on the left")


class Quadrants:
    """Stands in for the engine that proposes: the four quarters of a picture, the last of them twice."""

    def encode(self, image: Image, report: object) -> Image:
        return image

    def everything(self, image: Image, vocabulary: object, report: object) -> list[Region]:
        masks = []
        for rows in (slice(None, image.height // 2), slice(image.height // 2, None)):
            for columns in (slice(None, image.width // 2), slice(image.width // 2, None)):
                mask = np.zeros((image.height, image.width), bool)
                mask[rows, columns] = True
                masks.append(Region(mask, 1.0))
        return [*masks, masks[-1]]


class Calls:
    """Counts the calls of a module's forward, and the pictures in them."""

    def __init__(self, module: Any) -> None:
        self.count = 0
        self.handle = module.register_forward_pre_hook(self._seen)

    def _seen(self, *_: object) -> None:
        self.count += 1

    def since(self) -> int:
        count, self.count = self.count, 0
        return count


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("diffusion"))


@pytest.fixture(scope="module")
def loaded(models: Path) -> RefDiffSegmenter:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(models))
        patch.setattr("inference.registry.create_engine", lambda name: Quadrants())
        engine = refdiff.create()
    assert isinstance(engine, RefDiffSegmenter)
    return engine


@pytest.fixture
def engine(loaded: RefDiffSegmenter) -> RefDiffSegmenter:
    loaded.configure(FAST)
    loaded.reseed(0)
    return loaded


@pytest.fixture(scope="module")
def picture() -> Image:
    return Image(np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8), "hash")


@pytest.fixture
def features(engine: RefDiffSegmenter, picture: Image) -> RefDiffFeatures:
    return engine.encode(picture, silent)


def _ask(engine: RefDiffSegmenter, features: RefDiffFeatures, *said: Prompt) -> Segmentation:
    return engine.segment(features, PromptSet(said), None, silent)


def _masks(answer: Segmentation) -> list[MaskArray]:
    return [each.mask() for each in answer.candidates]


def test_a_sentence_gives_proposals_of_the_image(engine: RefDiffSegmenter, features: RefDiffFeatures) -> None:
    answer = _ask(engine, features, COW)
    assert len(answer.candidates) == 4  # the fifth proposal repeats one
    assert all(mask.shape == SIZE and mask.sum() == 30 * 45 for mask in _masks(answer))
    best = [each.score for each in answer.candidates]
    assert best == sorted(best, reverse=True)
    assert 0 < best[-1] < best[0] < 1
    assert answer.notes[0] == "Looked for “cow”."
    again = _ask(engine, engine.encode(Image(features.picture, "other"), silent), COW)
    assert [each.score for each in again.candidates] == best


def test_a_second_sentence_costs_two_calls_and_a_known_one_none(
    engine: RefDiffSegmenter, picture: Image, features: RefDiffFeatures
) -> None:
    engine.configure({**FAST, "detail": "full"})
    features = engine.encode(picture, silent)
    diffusion = engine._diffusion
    unet, vae, clip = Calls(diffusion.unet), Calls(diffusion.vae.encoder), Calls(engine._clip.tower.encoder)
    try:
        _ask(engine, features, COW)
        assert (unet.since(), vae.since(), clip.since()) == (2, 0, 0)
        _ask(engine, features, Text("red jacket"))
        assert (unet.since(), vae.since(), clip.since()) == (2, 0, 0)
        _ask(engine, features, COW)
        engine.configure({**FAST, "detail": "full", "root": "brown", "attention": 1.0, "largest": 2})
        _ask(engine, features, COW)
        engine.heat(features, "brown cow", RootWord("brown", 0, 5), silent)
        assert (unet.since(), vae.since(), clip.since()) == (0, 0, 0)
        engine.configure(FAST)
        engine.find(features, ["a", "b", "c", "d"], silent)
        assert unet.since() == 1  # one step, all four at once
        _ask(engine, features, LEFT)
        assert (unet.since(), clip.since()) == (1, 5)  # crops anew for a direction, no more
    finally:
        for calls in (unet, vae, clip):
            calls.handle.remove()


def test_many_sentences_at_once_are_answered_as_one_by_one(engine: RefDiffSegmenter, features: RefDiffFeatures) -> None:
    texts = ["brown cow", "red jacket", "woman on the right", "green coat", "brown cow"]
    together = engine.find(features, texts, silent)
    for text, answer in zip(texts, together, strict=True):
        features.maps.clear()
        alone = _ask(engine, features, Text(text))
        assert np.array_equal(_masks(answer)[0], _masks(alone)[0])
        assert answer.candidates[0].score == pytest.approx(alone.candidates[0].score, abs=1e-3)


def test_seed_and_mode_matter(engine: RefDiffSegmenter, features: RefDiffFeatures) -> None:
    first = _ask(engine, features, COW)
    engine.reseed(1)
    other = _ask(engine, features, COW)
    engine.reseed(0)
    engine.configure({**FAST, "mode": "paper"})
    paper = _ask(engine, features, LEFT)
    parts = [answering.parts_of(each.memory)[0].attention for each in (first, other, paper) if each.memory]
    assert not np.allclose(parts[0], parts[1], atol=1e-5)
    assert not np.allclose(parts[0], parts[2], atol=1e-3)


def test_weights_can_be_changed_without_a_run(engine: RefDiffSegmenter, features: RefDiffFeatures) -> None:
    answer = _ask(engine, features, COW)
    assert answer.memory is not None
    parts, offered = answering.parts_of(answer.memory)
    total = parts.total(scores.RELEASED)
    assert list(np.argsort(-total[offered])) == [0, 1, 2, 3]
    engine.configure({**FAST, "hard": 0.0, "soft": 0.0, "attention": 1.0})
    by_attention = _ask(engine, features, COW)
    assert by_attention.memory is not None
    best = answering.parts_of(by_attention.memory)[1][0]
    assert best == parts.attention.argmax()


def test_points_and_boxes_choose_among_the_proposals(engine: RefDiffSegmenter, features: RefDiffFeatures) -> None:
    (chosen,) = _masks(_ask(engine, features, COW, Point(80.5, 50.5)))
    assert chosen[50, 80]
    rest = _masks(_ask(engine, features, COW, Point(80.5, 50.5, positive=False)))
    assert len(rest) == 3
    assert not any(mask[50, 80] for mask in rest)
    (boxed,) = _masks(_ask(engine, features, COW, Box(0, 0, 45, 30)))
    assert boxed[10, 10]
    assert _ask(engine, features, COW, Box(0, 0, 5, 5)).candidates == ()


def test_a_filter_that_leaves_nothing_falls_back_to_the_best(
    engine: RefDiffSegmenter, features: RefDiffFeatures
) -> None:
    engine.configure({**FAST, "smallest": 90.0})
    assert len(_ask(engine, features, COW).candidates) == 4
    engine.configure({**FAST, "largest": 2})
    assert len(_ask(engine, features, COW).candidates) == 2


def test_without_proposals_the_map_is_cut_at_levels(engine: RefDiffSegmenter, features: RefDiffFeatures) -> None:
    engine.configure({**FAST, "proposals": "levels"})
    answer = _ask(engine, features, COW)
    heat = engine.heat(features, "brown cow", RootWord("cow", 6, 9), silent)
    sizes = {int(mask.sum()) for mask in scores.level_masks(heat)}
    assert answer.candidates
    assert all(int(mask.sum()) in sizes for mask in _masks(answer))
    assert answer.memory is not None
    parts, offered = answering.parts_of(answer.memory)
    assert offered[0] == parts.attention.argmax()
    assert scores.level_masks(heat)[offered[0]].sum() == _masks(answer)[0].sum()


def test_pieces_of_the_map_are_judged_by_it_and_by_the_named_side(engine: RefDiffSegmenter, picture: Image) -> None:
    engine.configure({**FAST, "proposals": "pieces"})
    features = engine.encode(picture, silent)
    assert features.proposals == {}
    answer = _ask(engine, features, LEFT)
    assert answer.memory is not None
    parts, offered = answering.parts_of(answer.memory)
    assert parts.place is not None
    assert offered[0] == (parts.attention * parts.place).argmax()
    engine.configure({**FAST, "proposals": "pieces", "directions": False})
    everywhere = _ask(engine, features, LEFT)
    assert everywhere.memory is not None
    parts, offered = answering.parts_of(everywhere.memory)
    assert parts.place is None
    assert offered[0] == parts.attention.argmax()
    assert features.hard == features.soft == {}, "CLIP is not asked"


def test_ambiguity_is_said() -> None:
    masks = np.eye(3, dtype=bool)[:, None, :].repeat(4, 1)
    flat = scores.Parts(np.array([0.3, 0.301, 0.2], np.float32), np.zeros(3, np.float32), np.zeros(3, np.float32))
    found = answering.Found("cow", RootWord("cow", 0, 3), np.zeros((4, 3)), masks, flat, np.ones(3, bool))
    settings = refdiff_settings()
    notes = answering.answer(found, found.counts, (4, 3), settings, "refdiff").notes
    assert notes[1] == "Ambiguous: 2 regions fit almost equally well."
    clear = scores.Parts(np.array([0.3, 0.1, 0.2], np.float32), flat.soft, flat.attention)
    found = answering.Found("cow", found.root, found.heat, masks, clear, found.counts)
    assert len(answering.answer(found, found.counts, (4, 3), settings, "refdiff").notes) == 1


def refdiff_settings() -> Any:
    from inference.models.refdiff.settings import Settings

    return Settings()


def test_what_is_not_taken_is_counted(engine: RefDiffSegmenter, features: RefDiffFeatures) -> None:
    with pytest.raises(UnusablePrompts, match="words"):
        _ask(engine, features, Point(1, 1))
    with pytest.raises(UnusablePrompts, match="words"):
        _ask(engine, features, Text(" , "))
    scribble = Scribble(((1.0, 1.0), (5.0, 5.0)))
    answer = _ask(engine, features, COW, scribble, Text("dog", positive=False))
    assert {(each.kind, each.count) for each in answer.ignored} == {("scribble", 1), ("negative text", 1)}
    long = _ask(engine, features, Text("cow " * 100))
    (cut,) = long.ignored
    assert "77" in cut.kind
    assert cut.count > 20
    assert long.candidates


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (40, 2)])
@pytest.mark.parametrize("source", ["lite", "levels", "pieces"])
def test_odd_images(engine: RefDiffSegmenter, size: tuple[int, int], source: str) -> None:
    engine.configure({**FAST, "proposals": source})
    black = Image(np.zeros((*size, 3), np.uint8), f"{size}")
    answer = _ask(engine, engine.encode(black, silent), LEFT)
    assert all(each.mask().shape == size and np.isfinite(each.score) for each in answer.candidates)
    assert answer.candidates


def test_large_images_are_seen_reduced(engine: RefDiffSegmenter) -> None:
    large = engine.encode(Image(np.full((300, 2100, 3), 90, np.uint8), "large"), silent)
    assert large.picture.shape == (146, 1024, 3)
    assert _masks(_ask(engine, large, COW))[0].shape == (300, 2100)
    assert large.nbytes > large.picture.nbytes


def test_a_cancelled_run_ends_before_the_next_call(engine: RefDiffSegmenter, picture: Image) -> None:
    engine.configure({**FAST, "detail": "full"})
    features = engine.encode(picture, silent)
    unet = Calls(engine._diffusion.unet)

    def stop_at_the_second(fraction: float | None, message: str, preview: Preview | None = None) -> None:
        if "step 2" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        engine.segment(features, PromptSet((COW,)), None, stop_at_the_second)
    assert unet.since() == 1
    unet.handle.remove()
    assert _ask(engine, features, COW).candidates


def test_options_are_checked(engine: RefDiffSegmenter) -> None:
    with pytest.raises(UnusableOption, match="Formulas can be code, paper"):
        engine.configure({"mode": "poem"})
    with pytest.raises(UnusableOption, match="no option 'colour'"):
        engine.configure({"colour": 1})
    engine.configure({"mode": "paper"})
    assert engine.settings.weights == scores.PAPER
    with pytest.raises(EngineError, match="whole images"):
        engine.everything(engine._looker.begin(Image(np.zeros((2, 2, 3), np.uint8), "x")), None, silent)


def test_command_line(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(models))
    Pillow.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / "black.png")
    asked = ["segment", str(tmp_path / "black.png"), "--engine", "refdiff", "--text", "brown cow", "--json"]
    fast = ["--option", "detail=fast", "--option", "proposals=levels"]
    assert run([*asked, *fast, "--out", str(tmp_path / "mask.png")]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["notes"][0] == "Looked for “cow”."
    assert Pillow.open(tmp_path / "mask.png").size == SIZE[::-1]
    assert run([*asked, "--option", "detail=poor"]) == 2
    assert "Detail can be full, fast" in capsys.readouterr().err.replace("\n", " ")
    assert run([*asked, "--option", "detail"]) == 2
    monkeypatch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(tmp_path))
    assert run(asked) == 3


def test_a_session_keeps_what_the_engine_says() -> None:
    session = Session(1, {"refdiff": refdiff.SPEC}, "refdiff", "refdiff")
    session.add(COW)
    ask = session.next_ask()
    assert ask is not None
    session.take(ask.revision, Segmentation((), notes=("Looked for “cow”.",)))
    assert session.notes == ("Looked for “cow”.",)
    session.undo()
    assert session.notes == ()


def test_stable_diffusion_is_shared_while_it_is_held(models: Path) -> None:
    cpu = torch.device("cpu")
    first = stable.load(models / "sd", cpu, torch.float32)
    assert stable.load(models / "sd", cpu, torch.float32) is first
    assert stable.load(models / "sd", cpu, torch.bfloat16) is not first
    gone = weakref.ref(stable.load(models / "sd", cpu, torch.float16))
    gc.collect()
    assert gone() is None


def test_another_engine_may_use_the_unet_between_the_calls(
    engine: RefDiffSegmenter, picture: Image, features: RefDiffFeatures
) -> None:
    """An urgent job runs inside a report, with the same shared networks."""
    engine.configure({**FAST, "detail": "full"})
    plain = _ask(engine, features, COW)
    features.maps.clear()
    diffusion = engine._diffusion

    def busy(fraction: float | None, message: str, preview: Preview | None = None) -> None:
        diffusion.predict(torch.zeros(1, 4, 8, 8), 5, torch.zeros(1, 77, 16))

    beside = engine.segment(features, PromptSet((COW,)), None, busy)
    assert [each.score for each in beside.candidates] == [each.score for each in plain.candidates]


def test_missing_and_wrong_weights(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(tmp_path))
    assert not refdiff.installed()
    with pytest.raises(WeightsMissing, match=r"Ref-Diff needs Stable Diffusion 1\.x"):
        refdiff.create()
    shutil.copytree(models / "sd", tmp_path / "sd")
    with pytest.raises(WeightsMissing, match="Ref-Diff needs CLIP"):
        refdiff.create()
    write_clip(tmp_path / "clip")
    assert refdiff.installed()
    unet, text = tmp_path / "sd" / "unet" / "config.json", tmp_path / "sd" / "text_encoder" / "config.json"
    changed(unet, use_linear_projection=True)
    with pytest.raises(WrongWeights, match="sd holds Stable Diffusion 2"):
        refdiff.create()
    changed(unet, use_linear_projection=False, addition_embed_type="text_time")
    with pytest.raises(WrongWeights, match="sd holds Stable Diffusion XL"):
        refdiff.create()
    changed(unet, addition_embed_type=None, in_channels=9)
    with pytest.raises(WrongWeights, match="9 input channels"):
        refdiff.create()
    changed(unet, in_channels=4)
    changed(text, hidden_size=99)
    with pytest.raises(WrongWeights, match="width 99"):
        refdiff.create()
    changed(text, hidden_size=16)
    (tmp_path / "sd" / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"cut off")
    with pytest.raises(WrongWeights, match="sd/unet cannot be loaded"):
        refdiff.create()
