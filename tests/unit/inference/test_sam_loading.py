"""Files of the SAM family: recognised by their tensors, loaded entirely or not at all, never run."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference import registry
from inference.engine import EngineError, WeightsMissing, WrongWeights
from inference.engines import edgetam, sam, sam2
from inference.models.sam import checkpoint, files
from inference.models.sam import edgetam as edgetam_model
from inference.models.sam import sam2 as sam2_model
from inference.models.sam.shape import RELEASED, SamShape, shape_of
from tests.unit.inference.sam_hub_models import small_edgetam, small_sam2, write_model
from tests.unit.inference.sam_model import SMALL, small_sam, write_sam


class _Code:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        import os

        return os.system, ("exit 1",)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "no cache"))
    return tmp_path


@pytest.mark.parametrize("title", RELEASED)
def test_released_sizes_are_told_apart_by_shapes(title: str) -> None:
    with torch.device("meta"):
        sizes = {name: tuple(tensor.shape) for name, tensor in checkpoint.build(RELEASED[title]).state_dict().items()}
    assert shape_of(sizes) == RELEASED[title]
    assert shape_of(sizes).title == title
    assert not checkpoint.compare(sizes, RELEASED[title])


@pytest.mark.parametrize("shape", [SMALL, SamShape(48, 3, 3, (0, 2), window=4, side=96, channels=16)])
def test_any_size_is_read_off_the_shapes(shape: SamShape) -> None:
    with torch.device("meta"):
        sizes = {name: tuple(tensor.shape) for name, tensor in checkpoint.build(shape).state_dict().items()}
    assert shape_of(sizes) == shape


@pytest.mark.parametrize("name", ["sam.pth", "whatever.pt", "sam.safetensors"])
def test_a_file_of_any_name_loads_to_the_same_tensors(tmp_path: Path, name: str) -> None:
    state = small_sam().state_dict()
    path = tmp_path / name
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"model": state}, path)
    loaded = checkpoint.load(path).state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_a_file_of_another_architecture_is_refused_with_all_names(tmp_path: Path) -> None:
    with torch.device("meta"):
        names = list(checkpoint.build(RELEASED["SAM ViT-B"]).state_dict())
    state = {name: torch.zeros(1) for name in names[12:]}
    path = tmp_path / "other.pth"
    torch.save(state, path)
    with pytest.raises(WrongWeights, match=r"^This file is not a SAM ViT-B checkpoint: 12 tensors missing, \d+ have"):
        checkpoint.load(path)


def test_what_is_left_over_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hq.pth"
    torch.save({**small_sam().state_dict(), "mask_decoder.hf_token.weight": torch.zeros(1, 32)}, path)
    with pytest.raises(WrongWeights) as caught:
        checkpoint.load(path)
    first, *details = str(caught.value).splitlines()
    assert first == "This file is not a SAM checkpoint: 1 tensor is not used."
    assert details == ["not used: mask_decoder.hf_token.weight"]


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = write_sam(tmp_path / "cut.pth")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(WrongWeights, match=r"^cut.pth cannot be read as a weights file"):
        checkpoint.load(path)


@pytest.mark.parametrize("inside", ["value", "whole"])
def test_code_in_a_file_is_not_run(tmp_path: Path, inside: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evil.pth"
    if inside == "value":
        torch.save({**small_sam().state_dict(), "image_encoder.extra": _Code()}, path)
    else:
        path.write_bytes(pickle.dumps(_Code()))
    with pytest.raises(WrongWeights, match="cannot be read as a weights file"):
        checkpoint.load(path)
    assert not files.holds(path, files.SAM.mark)


def test_without_files_the_engines_say_so(folder: Path) -> None:
    for engine, title in ((sam, "SAM"), (sam2, "SAM 2"), (edgetam, "EdgeTAM")):
        assert not engine.installed()
        with pytest.raises(
            WeightsMissing, match=f"^{title} needs a weights file. None was found in the model folders.$"
        ):
            engine.create()


def test_each_engine_finds_its_own_file(written: Path, folder: Path) -> None:
    write_sam(folder / "b.pth")
    _copied(written / "sam2", folder / "downloads" / "one")
    _copied(written / "edgetam", folder / "two")
    found = [files.find(family) for family in (files.SAM, files.SAM2)]
    assert found == [folder / "b.pth", folder / "downloads" / "one" / "model.safetensors"]
    for engine in (sam, sam2):
        assert engine.installed()
        assert engine.create().spec is engine.SPEC


def test_listing_the_engines_loads_no_model_library(folder: Path) -> None:
    said = (
        "import sys; from inference import registry;"
        "print([(s.name, registry.installed(s.name)) for s in registry.engine_specs()]);"
        "print([m for m in ('torch', 'transformers', 'segment_anything', 'timm') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "('sam', False)" in out[0]
    assert out[1] == "[]"


@pytest.mark.parametrize("name", ["sam", "sam2", "edgetam", "sam3"])
def test_the_engines_are_registered(name: str) -> None:
    assert registry.spec(name).name == name


HUB: dict[str, tuple[Callable[[], Any], Callable[[Path], Any], str]] = {
    "sam2": (small_sam2, sam2_model.open_sam2, "SAM 2"),
    "edgetam": (small_edgetam, edgetam_model.open_edgetam, "EdgeTAM"),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of the models of transformers, by engine."""
    folder = tmp_path_factory.mktemp("hub")
    for name, (make, _, _) in HUB.items():
        write_model(make(), folder / name)
    return folder


@pytest.fixture(params=HUB)
def hub(request: pytest.FixtureRequest, written: Path, tmp_path: Path) -> tuple[Path, Callable[[Path], Any], str]:
    _, open_, title = HUB[request.param]
    return _copied(written / request.param, tmp_path), open_, title


def _copied(folder: Path, to: Path) -> Path:
    """A copy to spoil; returns its tensors' file."""
    shutil.copytree(folder, to, dirs_exist_ok=True)
    return to / "model.safetensors"


def test_tensors_of_transformers_load_exactly(hub: tuple[Path, Callable[[Path], Any], str]) -> None:
    path, open_, _ = hub
    expected = load_file(path)
    loaded = open_(path)._model.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in expected.items())
    assert all(tensor.dtype != torch.float16 for tensor in loaded.values())


def test_half_precision_files_are_computed_in_single(hub: tuple[Path, Callable[[Path], Any], str]) -> None:
    path, open_, _ = hub
    save_file({n: t.half() if t.is_floating_point() else t for n, t in load_file(path).items()}, path)
    loaded = open_(path)._model.state_dict()
    assert {tensor.dtype for tensor in loaded.values() if tensor.is_floating_point()} == {torch.float32}


def test_tensors_of_the_video_model_are_not_missed(hub: tuple[Path, Callable[[Path], Any], str]) -> None:
    path, open_, _ = hub
    save_file({**load_file(path), "memory_attention.layers.0.linear1.weight": torch.zeros(2, 2)}, path)
    table = json.loads((path.parent / "config.json").read_text())
    table["model_type"] += "_video"
    (path.parent / "config.json").write_text(json.dumps(table))
    assert open_(path).cells == 16


def test_differences_are_counted_and_named(hub: tuple[Path, Callable[[Path], Any], str]) -> None:
    path, open_, title = hub
    tensors = load_file(path)
    del tensors["no_memory_embedding"]
    tensors["prompt_encoder.no_mask_embed.weight"] = torch.zeros(1, 7)
    tensors["head.weight"] = torch.zeros(3)
    save_file(tensors, path)
    with pytest.raises(WrongWeights) as caught:
        open_(path)
    first, *details = str(caught.value).splitlines()
    assert first == f"This file is not a {title} checkpoint: 1 tensor missing, 1 has another shape, 1 is not used."
    assert details == [
        "missing: no_memory_embedding",
        "other shape: prompt_encoder.no_mask_embed.weight",
        "not used: head.weight",
    ]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('{"model_type": "bert"}', "is not that of a"),
        ("{", "cannot be read: JSONDecodeError"),
        ("[1]", "is not that of a"),
        ('{"model_type": "sam2", "vision_config": {"fpn_hidden_size": "many"}}', "cannot be read"),
    ],
)
def test_a_table_that_says_nonsense_is_refused(written: Path, tmp_path: Path, table: str, sentence: str) -> None:
    path = _copied(written / "sam2", tmp_path)
    (tmp_path / "config.json").write_text(table)
    with pytest.raises(WrongWeights, match=f"^The config.json next to model.safetensors {sentence}"):
        sam2_model.open_sam2(path)


def test_an_architecture_that_would_be_fetched_is_refused(written: Path, tmp_path: Path) -> None:
    path = _copied(written / "edgetam", tmp_path)
    table = json.loads((tmp_path / "config.json").read_text())
    table["vision_config"]["backbone_config"]["architecture"] = "hf-hub:someone/something"
    (tmp_path / "config.json").write_text(json.dumps(table))
    with pytest.raises(WrongWeights, match="names the architecture 'hf-hub:someone/something', which is none"):
        edgetam_model.open_edgetam(path)


def test_edgetam_without_timm_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="EdgeTAM needs the Python package timm, which is not installed"):
        edgetam_model.open_edgetam(tmp_path / "any")


@pytest.mark.parametrize("blocks", sam2_model.HIERA)
def test_without_a_table_the_released_sizes_are_known_by_their_depth(blocks: int) -> None:
    from transformers import Sam2Model

    with torch.device("meta"):
        model = Sam2Model(sam2_model.released({f"vision_encoder.backbone.blocks.{n}.x": (1,) for n in range(blocks)}))
    sizes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert sam2_model.released(sizes).to_dict() == model.config.to_dict()
    millions = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    assert millions == pytest.approx({12: 31.4, 16: 38.6, 24: 73.2, 48: 216.9}[blocks], abs=0.5)
