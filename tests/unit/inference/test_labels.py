"""The label service: who ranks names, what speaks against them, and CLIP's masked attention behind it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from inference import labels, registry
from inference.commands import Done, Run
from inference.engine import EngineError, Image, Vocabulary, WeightsMissing, WrongWeights, silent
from inference.engines import clip
from inference.features import FeatureCache
from inference.messages import Priority, RankLabels
from inference.models.clip import labeller, towers
from inference.models.clip.labeller import ClipFeatures, ClipLabeller, close_look, patches
from inference.models.clip.towers import load
from inference.outbox import Outbox
from inference.results import LabelScores
from inference.runner import Runner
from inference.weights import places
from tests.unit.inference.clip_model import write_clip

SIZE = (60, 90)
RNG = np.random.default_rng(2)
PIXELS = RNG.integers(0, 256, (*SIZE, 3), np.uint8)
NAMES = Vocabulary(("red", "cat", "tree"))


def region(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


MASKS = [region(10, 20, 40, 60), region(0, 0, 60, 90), region(50, 80, 51, 81)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("weights") / "some clip")


@pytest.fixture(scope="module")
def engine(folder: Path) -> ClipLabeller:
    return ClipLabeller(clip.SPEC, load(folder), close_looks=0)


@pytest.fixture(scope="module")
def seen(engine: ClipLabeller) -> ClipFeatures:
    return engine.encode(Image(PIXELS, "hash"), silent)


def test_scores_and_the_unknown_share_one_certainty(engine: ClipLabeller, seen: ClipFeatures) -> None:
    found = engine.label(seen, [*MASKS, np.zeros(SIZE, bool)], NAMES)
    assert found.scores.shape == (4, 3)
    np.testing.assert_allclose(found.scores.sum(1) + found.unknown, 1, atol=1e-5)
    assert found.unknown[3] == 1
    assert len({float(value) for value in found.scores[:3].ravel()}) == 9


def test_order_of_masks_and_names_does_not_matter(engine: ClipLabeller, seen: ClipFeatures) -> None:
    plain = engine.label(seen, MASKS, NAMES)
    turned = engine.label(seen, MASKS[::-1], Vocabulary(NAMES.names[::-1]))
    np.testing.assert_allclose(turned.scores[::-1, ::-1], plain.scores, atol=1e-5)


def test_another_vocabulary_does_not_look_again(
    engine: ClipLabeller, seen: ClipFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine._masked, "encode", lambda _: pytest.fail("looked at the image again"))
    assert engine.label(seen, MASKS, Vocabulary(("stone", "sea"))).names == ("stone", "sea")


def test_the_best_of_a_class_s_names_counts(engine: ClipLabeller, seen: ClipFeatures) -> None:
    embedded = engine.embed(seen, MASKS[:2])
    apart = engine.logits(embedded, Vocabulary(("cat", "tree", "red")))
    joined = engine.logits(embedded, Vocabulary(("cat", "red"), synonyms=(("tree",), ())))
    np.testing.assert_allclose(joined, np.stack([apart[:, :2].max(1), apart[:, 2]], 1), atol=1e-4)


def test_texts_are_cut_to_their_longest_without_effect(engine: ClipLabeller) -> None:
    texts = engine._clip.texts
    together = texts._embedded(["cat", "a photo of a red cat with very many other words behind it"])
    alone = texts._embedded(["cat"])
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


def test_a_thin_mask_sees_one_patch_and_not_the_whole_image() -> None:
    thin = np.zeros((600, 900), bool)
    thin[300, 440] = True
    assert patches(thin, 56, 14).nonzero()[0].tolist() == [9]
    assert patches(np.ones((600, 900), bool), 56, 14).all()
    half = np.zeros((56, 56), bool)
    half[:28] = True
    assert patches(half, 56, 14).reshape(4, 4).sum(1).tolist() == [4, 4, 0, 0]


def test_small_masks_get_a_close_look(folder: Path, seen: ClipFeatures) -> None:
    near = ClipLabeller(clip.SPEC, load(folder), close_looks=1)
    far = ClipLabeller(clip.SPEC, load(folder), close_looks=0)
    small = [region(30, 40, 34, 46), region(31, 41, 33, 45)]
    closer, plain = near.embed(seen, small), far.embed(seen, small)
    assert not torch.allclose(closer[0], plain[0])
    assert torch.allclose(closer[1], plain[1], atol=1e-5)
    cut, inside = close_look(PIXELS, small[0])
    assert cut.shape[:2] == inside.shape == (60, 64)
    assert inside.sum() == small[0].sum()


def test_half_precision_is_close(engine: ClipLabeller, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU."""
    for module in (labeller, towers):
        monkeypatch.setattr(module, "torch_dtype", lambda: torch.bfloat16)
    half = ClipLabeller(clip.SPEC, load(folder), close_looks=2)
    image = Image(PIXELS, "hash")
    rough, exact = (each.embed(each.encode(image, silent), MASKS[:2]) for each in (half, engine))
    assert float(torch.nn.functional.cosine_similarity(rough, exact).min()) > 0.98


def test_a_car_does_not_speak_against_a_vehicle() -> None:
    whole = labels.against(Vocabulary(("vehicle", "my cup")))
    assert whole.names[:2] == ("vehicle", "my cup")
    assert "car" not in whole.names
    assert "bed" in whole.names
    assert set(labels.NOTHING) <= set(whole.names)
    assert "animal" not in labels.against(Vocabulary(("dog",))).names


def test_decided_needs_a_likely_name() -> None:
    def scores(best: float, unknown: float) -> LabelScores:
        return LabelScores(("a", "b"), np.array([[best, 0.1]], np.float32), np.array([unknown], np.float32))

    assert labels.decided(scores(0.6, 0.3), 0) is not None
    assert labels.decided(scores(0.25, 0.1), 0) is None
    assert labels.decided(scores(0.4, 0.5), 0) is None


def test_who_ranks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path) -> None:
    monkeypatch.setenv(places.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert labels.ranker("lite") == "lite"
    assert labels.ranker("classic") == "lite"
    with pytest.raises(WeightsMissing, match="CLIP"):
        registry.create_engine("clip")
    monkeypatch.setenv(places.FOLDER_VARIABLE, str(folder.parent))
    assert labels.ranker("classic") == "clip"
    assert "clip" not in {spec.name for spec in registry.engine_specs()}
    monkeypatch.setattr(labels, "RANKERS", ())
    with pytest.raises(EngineError, match="Classic does not rank names"):
        labels.ranker("classic")


def test_the_runner_asks_the_ranker(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv(places.FOLDER_VARIABLE, str(folder.parent))
    answers: list[object] = []
    runner = Runner(Outbox(answers.append), registry.create_engine, FeatureCache())
    request = RankLabels("classic", Image(PIXELS, "hash"), tuple(MASKS), NAMES)
    runner.submit(Run(1, Priority.PROMPT, request))
    thread = threading.Thread(target=runner.run)
    thread.start()
    deadline = time.monotonic() + 60
    while not any(isinstance(each, Done) for each in answers) and time.monotonic() < deadline:
        time.sleep(0.01)
    runner.close()
    thread.join()
    (done,) = (each for each in answers if isinstance(each, Done))
    assert isinstance(done.result, LabelScores)
    assert done.result.scores.shape == (3, 3)


def test_a_clip_that_misfits_is_refused(tmp_path: Path) -> None:
    broken = write_clip(tmp_path / "broken")
    (broken / "merges.txt").write_text("#version\na b\n", encoding="utf-8")
    with pytest.raises(WrongWeights, match=r"merges\.txt in broken"):
        load(broken)
    (broken / "merges.txt").unlink()
    with pytest.raises(WeightsMissing, match="word pieces"):
        load(broken)
    (broken / "model.safetensors").write_bytes(b"not a model")
    with pytest.raises(WrongWeights, match="broken cannot be loaded"):
        load(broken)
