"""ODISE as an engine: one look, then words, clicks and any vocabulary; both heads; names for masks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.engine import Image, UnusablePrompts, Vocabulary, WeightsMissing, silent
from inference.engines import odise
from inference.models.clip import towers
from inference.models.odise import naming
from inference.models.odise import segmenter as segmenters
from inference.models.odise.masked_clip import ImageTokens
from inference.models.odise.model import Odise, OdiseFeatures
from inference.models.odise.segmenter import OdiseSegmenter, OdiseSight
from inference.prompts import Box, Point, Prompt, PromptSet, Scribble, Text
from inference.results import Candidate, Segmentation
from tests.unit.inference.odise_model import write_odise

SIZE = (100, 140)
RNG = np.random.default_rng(6)
NAMES = Vocabulary(("red", "cat", "sea"), frozenset({"sea"}))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_odise(tmp_path_factory.mktemp("odise"))


@pytest.fixture(scope="module")
def loaded(files: dict[str, Path]) -> OdiseSegmenter:
    heads = {kind: files[kind] for kind in ("label", "caption")}
    return OdiseSegmenter(odise.SPEC, heads, files["diffusion"], files["clip"])


@pytest.fixture
def engine(loaded: OdiseSegmenter) -> OdiseSegmenter:
    loaded.configure({"overlap": 0.0})
    return loaded


@pytest.fixture(scope="module")
def seen(loaded: OdiseSegmenter) -> OdiseSight:
    old = segmenters.SHORT
    segmenters.SHORT = 128  # the small networks see squares of 128 pixels
    try:
        return loaded.encode(Image(RNG.integers(0, 256, (*SIZE, 3), np.uint8), "hash"), silent)
    finally:
        segmenters.SHORT = old


def ask(engine: OdiseSegmenter, seen: OdiseSight, *said: Prompt) -> Segmentation:
    return engine.segment(seen, PromptSet(said), None, silent)


def test_one_look(engine: OdiseSegmenter, seen: OdiseSight) -> None:
    assert seen.features.image == (128, 179)
    assert seen.features.padded == (128, 192)
    assert seen.features.masks.dtype == torch.float16
    assert seen.nbytes > seen.features.masks.nbytes + seen.features.pixels.nbytes
    assert seen.frame.region == pytest.approx((0, 0, 192 * 140 / 179, 100))


def test_clip_has_less_say_about_names_that_the_heads_have_learned(engine: OdiseSegmenter, seen: OdiseSight) -> None:
    cpu = torch.device("cpu")
    for trained, share in ((frozenset({"red"}), 0.3), (frozenset({"cat"}), 0.7), (None, 0.7)):
        said = naming.words(NAMES, 3, engine._clip.texts, cpu, trained)
        found = naming.scores(engine._model, seen.features, said)
        both = (1 - share) * found.diffusion.log_softmax(-1) + share * found.clip.log_softmax(-1)
        assert torch.allclose(found.mixed[:, 0], both[:, 0], atol=1e-5)


def test_progress_counts_crops_and_can_end_the_run(engine: OdiseSegmenter) -> None:
    class Enough(Exception):
        pass

    said: list[float | None] = []

    def report(fraction: float | None, message: str, preview: object = None) -> None:
        said.append(fraction)
        if fraction:
            raise Enough

    with pytest.raises(Enough):
        engine.encode(Image(np.zeros((64, 64 * 9, 3), np.uint8), "other"), report)
    assert said[0] == 0.0
    assert len(said) == 2


def test_words_and_clicks_choose_masks(engine: OdiseSegmenter, seen: OdiseSight) -> None:
    by_words = ask(engine, seen, Text("cat"))
    for candidate in by_words.candidates:
        assert candidate.mask().shape == SIZE
        assert 0 <= candidate.score <= 1
    place = Point(40.5, 30.5)
    clicked = ask(engine, seen, place)
    assert clicked.candidates[0].mask()[30, 40]
    away = ask(engine, seen, place, Point(100.5, 80.5, positive=False))
    assert away.candidates[0].probability()[80, 100] <= clicked.candidates[0].probability()[80, 100] + 1e-6
    stroke = ask(engine, seen, Scribble(((40.5, 30.5), (41.5, 30.5))), Box(0, 0, 5, 5))
    assert [each.kind for each in stroke.ignored] == ["box"]


def test_negative_words_speak_against(engine: OdiseSegmenter, seen: OdiseSight) -> None:
    alone = engine._spoken(seen, [Text("cat")])
    compared = engine._spoken(seen, [Text("cat"), Text("red", positive=False)])
    assert bool((compared <= alone + 1e-6).all())
    assert float(engine._spoken(seen, [Text("red", positive=False)]).min()) >= 0
    for said in (Text("cat", positive=False), Text(" "), Box(0, 0, 5, 5)):
        with pytest.raises(UnusablePrompts, match="needs words"):
            ask(engine, seen, said)


@pytest.mark.parametrize("kind", ["panoptic", "semantic", "instance"])
def test_everything(engine: OdiseSegmenter, seen: OdiseSight, kind: str) -> None:
    engine.configure({"regions": kind, "overlap": 0.0})
    regions = engine.everything(seen, None, silent)
    assert regions
    assert all(region.mask.shape == SIZE for region in regions)
    if kind == "instance":
        assert all(region.is_thing for region in regions)
    else:
        assert sum((region.mask.astype(int) for region in regions), np.zeros(SIZE, int)).max() == 1
    few = engine.everything(seen, NAMES, silent)
    assert {region.label for region in few} <= set(NAMES.names)


def test_long_lists_are_taken_in_portions(
    engine: OdiseSegmenter, seen: OdiseSight, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.configure({"regions": "semantic"})
    whole = engine.everything(seen, None, silent)
    monkeypatch.setattr(segmenters, "CLASSES_AT_ONCE", 7)
    parts = engine.everything(seen, None, silent)
    assert [(r.label, int(r.mask.sum())) for r in parts] == [(r.label, int(r.mask.sum())) for r in whole]
    masks = [np.eye(*SIZE, k, dtype=bool) for k in range(5)]
    together = engine.label(seen, masks, NAMES).scores
    monkeypatch.setattr(segmenters, "MASKS_AT_ONCE", 2)
    np.testing.assert_allclose(engine.label(seen, masks, NAMES).scores, together, atol=1e-5)


def test_long_lists_stand_alone_and_short_ones_are_compared() -> None:
    whole, wanted = segmenters._compared(NAMES)
    assert whole.names[:3] == NAMES.names
    assert wanted == 3
    assert len(whole.names) > 200
    many = Vocabulary(tuple(f"thing {number}" for number in range(segmenters.LONG_LIST)))
    assert segmenters._compared(many) == (many, segmenters.LONG_LIST)


def test_another_vocabulary_does_not_look_again(
    engine: OdiseSegmenter, seen: OdiseSight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Odise, "describe", lambda *_: pytest.fail("looked again"))
    monkeypatch.setattr(type(engine._model.features), "forward", lambda *_: pytest.fail("looked again"))
    monkeypatch.setattr(type(engine._model.masked_clip), "encode", lambda *_: pytest.fail("looked again"))
    assert engine.everything(seen, Vocabulary(("stone", "bird")), silent) is not None


def test_names_for_masks(engine: OdiseSegmenter, seen: OdiseSight) -> None:
    frame = seen.frame
    own = seen.features.masks[int((seen.features.masks > 0).sum((1, 2)).argmax())]
    found = Candidate(own.float().numpy(), frame, 1.0, "odise").mask()
    drawn = np.zeros(SIZE, bool)
    drawn[3:9, 5:12] = True
    scores = engine.label(seen, [found, drawn, np.zeros(SIZE, bool)], NAMES)
    np.testing.assert_allclose(scores.scores.sum(1) + scores.unknown, 1, atol=1e-5)
    assert scores.unknown[2] == 1
    alone = engine.label(seen, [found], NAMES)
    np.testing.assert_allclose(alone.scores[0], scores.scores[0], atol=1e-5)


def test_both_heads(engine: OdiseSegmenter, seen: OdiseSight, files: dict[str, Path]) -> None:
    engine.configure({"overlap": 0.0})
    label = engine.fingerprint
    engine.configure({"head": "caption", "overlap": 0.0})
    assert engine.fingerprint != label
    assert engine.everything(seen, None, silent)
    engine.configure({"resolution": "half"})
    assert engine.fingerprint not in (label, "")
    only = OdiseSegmenter(odise.SPEC, {"caption": files["caption"]}, files["diffusion"], files["clip"])
    with pytest.raises(WeightsMissing, match="label model"):
        only.configure({"head": "label"})


def test_half_precision_is_close(
    engine: OdiseSegmenter, seen: OdiseSight, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, where the frozen networks compute in half precision and the heads do not."""
    for module in (segmenters, towers):
        monkeypatch.setattr(module, "torch_dtype", lambda: torch.bfloat16)
    monkeypatch.setattr(segmenters, "SHORT", 128)
    half = OdiseSegmenter(odise.SPEC, {"label": files["label"]}, files["diffusion"], files["clip"])
    assert {half._frozen.unet.dtype, half._frozen.vae.dtype, half._frozen.clip.dtype} == {torch.bfloat16}
    pixels = np.random.default_rng(6).integers(0, 256, (*SIZE, 3), np.uint8)
    rough = half.encode(Image(pixels, "hash"), silent).features
    exact = engine.encode(Image(pixels, "hash"), silent).features
    for name in ("masks", "embeddings", "clip_embeddings"):
        pair = torch.stack([getattr(each, name).float().flatten() for each in (rough, exact)])
        assert float(torch.corrcoef(pair)[0, 1]) > 0.95, name
    assert half.label(half.encode(Image(pixels, "hash"), silent), [np.ones(SIZE, bool)], NAMES).scores.max() > 0


MEMORY_OF_A_LARGE_PHOTO = """
import sys
from pathlib import Path
from inference.engine import silent
from inference.prompts import PromptSet, Text
from tests.unit.inference.test_odise_engine import large_sight, seen_at_most
from inference.engines import odise
from inference.models.odise.segmenter import OdiseSegmenter
files = {p.stem: p for p in Path(sys.argv[1]).iterdir()}
engine = OdiseSegmenter(odise.SPEC, {"label": files["odise_label"]}, files["sd"], files["clip"])
sight = large_sight()
engine.segment(sight, PromptSet((Text("cat"),)), None, silent)
before = seen_at_most(anew=True)
regions = engine.everything(sight, None, silent)
print(len(regions), seen_at_most() - before, sum(region.mask.nbytes for region in regions))
"""


def seen_at_most(anew: bool = False) -> int:
    """Bytes of memory that the process held at most; ``anew``: from now on (Linux)."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def large_sight() -> OdiseSight:
    """A photo of twelve megapixels as the small model would see it at the released resolution."""
    torch.manual_seed(0)
    ys, xs = torch.meshgrid(torch.linspace(0, 1, 256), torch.linspace(0, 1, 352), indexing="ij")
    centres = torch.rand(12, 2)
    far = (ys - centres[:, :1, None]) ** 2 + (xs - centres[:, 1:, None]) ** 2
    tokens = ImageTokens((torch.randn(2, 17, 64),) * 2, (torch.randn(2, 17, 64),) * 2, torch.randn(1, 128))
    features = OdiseFeatures(
        masks=(5 - 100 * far).half(),
        queries=torch.randn(12, 64),
        pooled=torch.randn(12, 64),
        embeddings=torch.randn(12, 64),
        clip_embeddings=torch.randn(12, 48),
        pixels=torch.randn(64, 256, 352).half(),
        tokens=tokens,
        padded=(1024, 1408),
        image=(1024, 1365),
    )
    return OdiseSight(features, 3000, 4000)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory a process took")
def test_a_large_photo_takes_little_memory_besides_its_regions(files: dict[str, Path]) -> None:
    """All masks at once would take 12 queries x 12 megapixels x 4 bytes = 576 MB (4.8 GB for the released 100)."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_OF_A_LARGE_PHOTO, str(files["label"].parent)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    count, more, held = (int(each) for each in done.stdout.split())
    print(f"{count} regions of {held / 1e6:.0f} MB, {(more - held) / 1e6:.0f} MB besides them")
    assert count > 3
    assert held < more < held + 300e6
