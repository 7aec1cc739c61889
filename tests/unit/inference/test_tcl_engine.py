"""TCL as an engine: words to masks on cached features, negative words, names for masks, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from transformers import CLIPModel

from inference import registry
from inference.engine import EngineError, Image, Options, UnusablePrompts, Vocabulary, WeightsMissing, silent
from inference.engines import tcl
from inference.models.tcl import segmenter as segmenters
from inference.models.tcl import sight as sights
from inference.models.tcl.segmenter import SMALLEST_SHARE, TclSegmenter
from inference.models.tcl.sight import TclSight
from inference.prompts import Point, Prompt, PromptSet, Text
from inference.results import Segmentation
from inference.weights import places
from tests.command_line import run
from tests.unit.inference.clip_model import write_clip
from tests.unit.inference.tcl_model import write_tcl

SIZE = (130, 190)
NAMES = Vocabulary(("red", "tree", "sky"), frozenset({"sky"}))


def picture() -> np.ndarray:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 60, (*SIZE, 3), np.uint8)
    pixels[20:80, 30:90] += np.array([150, 20, 0], np.uint8)
    pixels[60:, 120:] += np.array([0, 30, 160], np.uint8)
    return pixels


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tcl(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def loaded(file: Path) -> TclSegmenter:
    return TclSegmenter(tcl.SPEC, file, None)


@pytest.fixture
def engine(loaded: TclSegmenter) -> TclSegmenter:
    loaded.configure({"background": 0.5})
    return loaded


@pytest.fixture(scope="module")
def seen(loaded: TclSegmenter) -> TclSight:
    return loaded.encode(Image(picture(), "hash"), silent)


def ask(engine: TclSegmenter, seen: TclSight, *said: Prompt) -> Segmentation:
    return engine.segment(seen, PromptSet(said), None, silent)


def test_words_give_masks_of_the_image(engine: TclSegmenter, seen: TclSight) -> None:
    assert len(seen.windows) == 2
    assert seen.nbytes == sum(48 * 2 * 112 * 112 * 2 + 48 * 28 * 28 * 2 for _ in seen.windows)
    found = ask(engine, seen, Text("sky"))
    assert found.candidates
    for candidate in found.candidates:
        assert candidate.mask().shape == SIZE
        assert 0.5 < candidate.score <= 1
    again = ask(engine, seen, Text("sky"))
    assert np.array_equal(found.candidates[0].logits, again.candidates[0].logits)


def test_pieces_are_parts_of_the_whole(engine: TclSegmenter, seen: TclSight) -> None:
    whole, *pieces = (candidate.logits > 0 for candidate in ask(engine, seen, Text("cat")).candidates)
    assert pieces
    assert all((whole & piece).sum() == piece.sum() >= SMALLEST_SHARE * piece.size for piece in pieces)
    assert max(sum(piece.astype(int) for piece in pieces).ravel()) == 1


def test_the_other_texts_count(engine: TclSegmenter, seen: TclSight) -> None:
    sky = ask(engine, seen, Text("sky")).candidates[0].logits > 0
    both = ask(engine, seen, Text("sky"), Text("red")).candidates[0].logits > 0
    red = ask(engine, seen, Text("red")).candidates[0].logits > 0
    assert np.array_equal(both, sky | red)
    less = ask(engine, seen, Text("sky"), Text("red", positive=False)).candidates[0].logits > 0
    assert less.sum() < sky.sum()
    assert not (less & ~sky).any()


def test_points_are_reported_and_words_are_needed(engine: TclSegmenter, seen: TclSight) -> None:
    found = ask(engine, seen, Text("sky"), Point(5, 5), Point(9, 9))
    assert [(each.kind, each.count) for each in found.ignored] == [("point", 2)]
    for said in (Point(5, 5), Text("cat", positive=False), Text("  ")):
        with pytest.raises(UnusablePrompts, match="words only"):
            ask(engine, seen, said)


def test_a_higher_bar_leaves_less(engine: TclSegmenter, seen: TclSight) -> None:
    def area(options: Options) -> int:
        engine.configure(options)
        found = ask(engine, seen, Text("sky")).candidates
        return int((found[0].logits > 0).sum()) if found else 0

    assert area({"background": 0.3}) > area({"background": 0.6}) > area({"background": 0.95}) >= 0
    assert area({"background": 0.5, "refine": False}) != area({"background": 0.5, "refine": True})


def test_everything_names_pixels_once(engine: TclSegmenter, seen: TclSight) -> None:
    regions = engine.everything(seen, NAMES, silent)
    assert {region.label for region in regions} <= set(NAMES.names)
    assert len({region.label for region in regions}) > 1
    assert sum((region.mask.astype(int) for region in regions), np.zeros(SIZE, int)).max() == 1
    assert sum(region.label == "sky" for region in regions) <= 1
    assert all(region.is_thing == (region.label != "sky") for region in regions)
    with pytest.raises(EngineError, match="names"):
        engine.everything(seen, None, silent)


def test_texts_that_cannot_win_are_left_out_without_effect(engine: TclSegmenter, seen: TclSight) -> None:
    texts = engine._names(NAMES.names)
    found, order = sights.probabilities(engine._model, seen, texts, refined=True)
    assert order == [0, 1, 2]
    for row in order:
        kept, some = sights.probabilities(engine._model, seen, texts, True, float(found[row].max()) + 1e-4)
        assert all(found[index].max() >= kept[place].max() - 1e-6 for place, index in enumerate(some))
        torch.testing.assert_close(kept, found[some])


def test_long_lists_are_taken_in_portions(
    engine: TclSegmenter, seen: TclSight, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = engine._names(("red", "cat", "tree", "house", "sky"))
    whole, all_order = sights.winning(engine._model, seen, texts, True, 0.3)
    monkeypatch.setattr(sights, "TEXTS_AT_ONCE", 2)
    parts, order = sights.winning(engine._model, seen, texts, True, 0.3)
    assert sorted(order) == sorted(all_order)
    torch.testing.assert_close(parts[np.argsort(order)], whole[np.argsort(all_order)])


def test_another_vocabulary_does_not_look_again(
    engine: TclSegmenter, seen: TclSight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(engine._model), "encode", lambda *_: pytest.fail("looked at the image again"))
    assert engine.everything(seen, Vocabulary(("red", "house")), silent) is not None


def test_names_for_masks(engine: TclSegmenter, seen: TclSight) -> None:
    masks = np.zeros((3, *SIZE), bool)
    masks[0, 20:80, 30:90] = True
    masks[1, 60:, 120:] = True
    found = engine.label(seen, list(masks), NAMES)
    np.testing.assert_allclose(found.scores.sum(1) + found.unknown, 1, atol=1e-5)
    assert found.unknown[2] == 1
    assert not np.allclose(found.scores[0], found.scores[1], atol=1e-4)
    whole = engine.label(seen, [np.ones(SIZE, bool)], Vocabulary(("cat",)))
    mean = sights.probabilities(engine._model, seen, engine._names(["cat"]), refined=False)[0].mean()
    assert 0 < whole.scores[0, 0] < 1
    assert mean > 0


def test_half_precision_is_close(
    engine: TclSegmenter, seen: TclSight, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU."""
    texts = engine._names(NAMES.names)
    exact = sights.probabilities(engine._model, seen, texts, refined=True)[0]
    monkeypatch.setattr(segmenters, "torch_dtype", lambda: torch.bfloat16)
    half = TclSegmenter(tcl.SPEC, file, None)
    sight = half.encode(Image(picture(), "hash"), silent)
    rough = sights.probabilities(half._model, sight, half._names(NAMES.names), refined=True)[0]
    assert float(torch.corrcoef(torch.stack([exact.flatten(), rough.flatten()]))[0, 1]) > 0.95


def test_the_minimal_file_takes_its_towers_from_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tcl(tmp_path)
    complete = torch.load(path, weights_only=True)["model"]
    torch.save({"model": {name: each for name, each in complete.items() if name.startswith("masker.")}}, path)
    monkeypatch.setenv(places.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    assert registry.installed("tcl")
    with pytest.raises(WeightsMissing, match="ViT-B/16"):
        registry.create_engine("tcl")
    write_clip(tmp_path / "clip", side=224, patch=16, text_width=64)
    engine = registry.create_engine("tcl")
    assert engine.segment(engine.encode(Image(picture(), "hash"), silent), PromptSet((Text("sky"),)), None, silent)


@torch.inference_mode()
def test_the_towers_have_the_heads_that_clip_says(tmp_path: Path) -> None:
    tensors = torch.load(write_tcl(tmp_path), weights_only=True)["model"]
    path = tmp_path / "minimal.pth"
    torch.save({"model": {name: each for name, each in tensors.items() if name.startswith("masker.")}}, path)
    folder = write_clip(tmp_path / "clip", side=224, patch=16, text_width=64)
    ours = TclSegmenter(tcl.SPEC, path, folder)._model
    clip = CLIPModel.from_pretrained(folder)
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    expected = clip.visual_projection(clip.vision_model(pixels).pooler_output)
    assert torch.allclose(ours.clip_image_encoder.global_embedding(pixels), expected, atol=1e-3)
    words = torch.tensor([[510, 5, 9, 4, *[clip.config.text_config.eos_token_id] * 4]])
    expected = clip.text_projection(clip.text_model(words).pooler_output)
    assert torch.allclose(ours.clip_text_encoder(words), expected, atol=1e-3)


def test_the_command_line_finds_by_words(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(places.FOLDER_VARIABLE, str(file.parent))
    photo, out = tmp_path / "photo.png", tmp_path / "mask.png"
    PillowImage.fromarray(picture()).save(photo)
    assert run(["segment", str(photo), "--engine", "tcl", "--text", "cat", "--out", str(out), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["engine"] == "tcl"
    names = tmp_path / "names.txt"
    names.write_text("red, scarlet\nsky\n", encoding="utf-8")
    told = ["segment", str(photo), "--engine", "tcl", "--text", "cat", "--option", "background=0.4", "--json"]
    assert run([*told, "--labels", str(names)]) == 0
    best = json.loads(capsys.readouterr().out)["candidates"][0]["labels"]
    assert {name for name, _ in best} == {"red", "sky"}
    assert np.asarray(PillowImage.open(out)).shape == SIZE
