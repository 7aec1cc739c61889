"""Finding weights by what is in the files, adding, checking and removing them."""

from __future__ import annotations

import json
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from inference import weights
from inference.engine import WeightsMissing, WrongWeights
from inference.weights import entries, keeping, places
from inference.weights.entries import BadCatalogue
from tests.unit.inference.weights_server import OTHER, TENSORS, catalogue_text, write_tensors

PAIR = {"name": "pair", "title": "Pair", "licence": "MIT"}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(places.FOLDER_VARIABLE, str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    text = catalogue_text("https://example.org", b"", checked=False)
    points = [SimpleNamespace(name="toys", value="toys:weights", load=lambda: text)]
    monkeypatch.setattr(entries, "entry_points", lambda group: points if group == "maskwright.weights" else [])
    entries.catalogue.cache_clear()
    yield tmp_path / "weights"
    entries.catalogue.cache_clear()


def toy_folder(folder: Path) -> Path:
    write_tensors(folder / "net" / "model.bin", {"alpha.weight": (64, 64)})
    (folder / "config.json").write_text("{}")
    return folder


# --- tables of contents


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors", "wrapped", "prefixed", "parameters"])
def test_names_and_shapes_of_every_form(tmp_path: Path, form: str) -> None:
    tensors = {name: torch.rand(shape) for name, shape in TENSORS.items()}
    path = tmp_path / ("x.safetensors" if form == "safetensors" else "x.pth")
    if form == "safetensors":
        save_file(tensors, path)
    else:
        stored: object = {
            "wrapped": {"epoch": 3, "model": OrderedDict(tensors), "optimizer": {"lr": 0.1}},
            "prefixed": {f"module.{name}": value.half() for name, value in tensors.items()},
            "parameters": {name: torch.nn.Parameter(value) for name, value in tensors.items()},
        }.get(form, tensors)
        torch.save(stored, path, _use_new_zipfile_serialization=form != "legacy")
    assert weights.tensors_of(path) == TENSORS


def test_reading_names_loads_no_torch_and_no_data(tmp_path: Path) -> None:
    path = tmp_path / "large.pt"
    torch.save({"alpha": torch.zeros(1).expand(1 << 40)}, path)  # terabytes, if anyone made the tensor
    assert weights.tensors_of(path) == {"alpha": (1 << 40,)}


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, ("executed",))


@pytest.mark.parametrize("form", ["zip", "legacy", "plain pickle", "hidden in a state"])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.pth"
    stored = {"alpha.weight": torch.zeros(64, 64), "x": _Harmful()}
    if form == "plain pickle":
        path.write_bytes(pickle.dumps(_Harmful()))
    elif form == "hidden in a state":
        state = OrderedDict(stored)
        del state["x"]
        state._metadata = _Harmful()  # type: ignore[attr-defined]
        torch.save(state, path)
    else:
        torch.save(stored, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(weights.CodeInside, match=r"bad\.pth is refused: it holds program code \(.*mkdir\)"):
        weights.tensors_of(path)
    assert not (tmp_path / "executed").exists()
    with pytest.raises(weights.CodeInside):
        keeping.add(path)
    assert weights.recognise(tmp_path) == ()


@given(st.binary(max_size=300), st.sampled_from(["x.pth", "x.safetensors", "x.bin"]))
def test_noise_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory, noise: bytes, name: str) -> None:
    path = tmp_path_factory.mktemp("noise") / name
    path.write_bytes(noise)
    with pytest.raises(WrongWeights, match=name):
        weights.tensors_of(path)


@given(st.integers(0, 15_000))
def test_cut_files_never_pass_as_whole(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    folder = tmp_path_factory.mktemp("cut")
    for name in ("whole.pth", "whole.safetensors"):
        whole = folder / name
        if name.endswith(".pth"):
            write_tensors(whole)
        else:
            save_file({key: torch.zeros(shape) for key, shape in TENSORS.items()}, whole)
        data = whole.read_bytes()
        cut = whole.with_name(f"cut-{name}")
        cut.write_bytes(data[: min(length, len(data) - 1)])
        with pytest.raises(WrongWeights, match=cut.name):
            weights.tensors_of(cut)


def test_an_archive_with_an_endless_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(65 << 20))
    with pytest.raises(WrongWeights, match="no table of tensors"):
        weights.tensors_of(path)


# --- finding


def test_the_sentence_when_there_are_none() -> None:
    with pytest.raises(WeightsMissing) as caught:
        weights.locate("toy", "Player")
    assert str(caught.value) == "Player needs a weights file. None was found in the model folders."
    assert isinstance(caught.value, weights.NoWeights)
    assert caught.value.names == ("toy-one",)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.names) == (str(caught.value), caught.value.names)


def test_files_are_found_by_their_tensors_not_their_name(root: Path) -> None:
    write_tensors(root / "toy.pth", OTHER)
    assert weights.find("toy-one") is None
    path = write_tensors(root / "a" / "b" / "my network.ckpt")
    found = weights.locate("toy-one")
    assert (found.path, found.exact) == (path, True)
    assert weights.locate("toy").path == path


def test_a_file_of_another_size_is_left_to_the_engine_to_refuse(root: Path) -> None:
    path = write_tensors(root / "small.pt", OTHER)
    found = weights.locate("toy")
    assert (found.path, found.exact) == (path, False)


def test_folders_are_found_by_what_is_in_them(root: Path) -> None:
    folder = toy_folder(root / "downloads" / "something")
    found = weights.locate("toy-hub")
    assert found.path == folder
    assert found.files["net/model.safetensors"] == folder / "net" / "model.bin"
    assert "extra.json" not in found.files
    (folder / "config.json").unlink()
    assert weights.find("toy-hub") is None


def test_the_hugging_face_cache_is_looked_at(tmp_path: Path) -> None:
    snapshot = toy_folder(tmp_path / "hub" / "models--people--toy" / "snapshots" / "abc")
    assert weights.locate("toy-hub").path == snapshot


def test_copies_with_the_same_tensors_are_told_apart_by_their_name(root: Path) -> None:
    shapes = {
        "backbone.patch_embed.proj.weight": (96, 3, 7, 7),
        "sem_seg_head.predictor.mask_sptial_embed.0": (512, 512),
    }
    write_tensors(root / "seem_focalt_v1.pt", shapes)
    assert weights.find("seem-focal-t-v0") is None
    assert weights.locate("seem").entry.name == "seem-focal-t-v1"
    write_tensors(root / "mine.pt", shapes)
    assert weights.locate("seem-focal-t-v0").path == root / "mine.pt"


def test_weights_elsewhere_are_added_and_forgotten_but_never_deleted(tmp_path: Path, root: Path) -> None:
    path = write_tensors(tmp_path / "elsewhere" / "net.pth")
    (added,) = keeping.add(path)
    assert added.entry.name == "toy-one"
    assert weights.locate("toy-one").path == path
    removal = keeping.remove("toy-one")
    assert removal.forgotten == (path,)
    assert removal.deleted == ()
    assert path.exists()
    assert weights.find("toy-one") is None


def test_copies_are_removed_with_their_folder(tmp_path: Path, root: Path) -> None:
    (copied,) = keeping.add(toy_folder(tmp_path / "elsewhere"), copy=True)
    assert copied.path == root / "toy-hub"
    assert not (root / places.PARTIAL).exists()
    with pytest.raises(keeping.CannotKeep, match="is there already"):
        keeping.add(tmp_path / "elsewhere", copy=True)
    removal = keeping.remove("toy-hub")
    assert removal.deleted == (root / "toy-hub",)
    assert removal.bytes > 0
    assert not (root / "toy-hub").exists()
    assert (tmp_path / "elsewhere" / "config.json").exists()


def test_other_programs_caches_are_left_alone(tmp_path: Path) -> None:
    snapshot = toy_folder(tmp_path / "hub" / "models--people--toy" / "snapshots" / "abc")
    with pytest.raises(keeping.CannotKeep, match="left alone"):
        keeping.remove("toy-hub")
    assert (snapshot / "config.json").exists()


@pytest.mark.parametrize("what", ["nothing", "another network", "absent"])
def test_what_no_engine_knows_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "net.pth"
    if what == "another network":
        write_tensors(path, {"unknown": (2, 2)})
    elif what == "nothing":
        path.write_bytes(b"")
    with pytest.raises((WrongWeights, keeping.CannotKeep), match=r"net\.pth"):
        keeping.add(path)
    assert places.added() == ()


def test_a_flipped_byte_is_found(root: Path) -> None:
    path = write_tensors(root / "net.pth")
    (check,) = keeping.verify(weights.locate("toy-one"))
    assert check.ok is None
    data = bytearray(path.read_bytes())
    data[data.index(torch.load(path)["alpha.weight"].numpy().tobytes()) + 1000] ^= 1
    path.write_bytes(data)
    (check,) = keeping.verify(weights.locate("toy-one"))
    assert check.ok is False


def test_a_broken_list_of_places_is_no_list(root: Path) -> None:
    root.mkdir()
    (root / places.ADDED).write_text("[1, 2")
    assert places.added() == ()


def test_a_folder_of_a_hundred_thousand_files_is_not_read_to_its_end(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MOST_FILES", 10)
    root.mkdir()
    for number in range(30):
        (root / f"{number:03}.txt").touch()
    assert len(list(places.files_below(root))) == 10


# --- the catalogue


def test_the_packaged_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "entry_points", lambda group: [])
    entries.catalogue.cache_clear()
    known = weights.catalogue()
    assert known.entry("sam-vit-b").size == 375_042_383
    assert {"sam", "seem", "tcl", "odise", "stable-diffusion", "clip"} <= set(known.families)
    keys: dict[object, str] = {}
    for entry in known.entries.values():
        # one file must not be taken for two networks; versions of one network with the same tensors are of one family
        tensors = tuple(sorted(entry.key_file.tensors.items()))
        assert keys.setdefault(tensors, entry.family) == entry.family, entry.name
        assert entry.size_text or entry.name == "clip-words", entry.name
        assert entry.licence, entry.name
        assert entry.notice, entry.name
        assert entry.can_be_fetched, entry.name
        assert all(companion in known.entries for companion in entry.companions), entry.name


def test_a_package_cannot_replace_a_built_in_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = catalogue_text("https://example.org", b"").replace("toy-one", "sam-vit-b")
    point = SimpleNamespace(name="theirs", value="x:y", load=lambda: theirs)
    broken = SimpleNamespace(name="broken", value="x:z", load=lambda: "this is not TOML")
    monkeypatch.setattr(entries, "entry_points", lambda group: [broken, point])
    entries.catalogue.cache_clear()
    assert weights.catalogue().entry("sam-vit-b").title == "SAM ViT-B"
    assert "toy-hub" in weights.catalogue().entries


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('path = "../../x.pth"', "does not stay within"),
        ('path = "/etc/passwd"', "does not stay within"),
        ('path = "C:\\\\x.pth"', "does not stay within"),
        ('path = "a.pth"\nurl = "http://example.org/a.pth"', "not an https address"),
        ('path = "a.pth"\nurl = "file:///etc/passwd"', "not an https address"),
        ('path = "a.pth"\nsha256 = "abc"', "64 hexadecimal digits"),
        ('path = "a.pth"\nunknown = 1', "unknown"),
    ],
)
def test_wrong_entries_are_named(change: str, words: str) -> None:
    rows = "\n".join(f"{key} = {json.dumps(value)}" for key, value in PAIR.items())
    with pytest.raises(BadCatalogue, match=words) as caught:
        entries.parsed(f"[[weights]]\n{rows}\n[[weights.files]]\n{change}\n")
    assert "'pair'" in str(caught.value)


def test_the_window_can_import_it_without_torch() -> None:
    import subprocess

    code = (
        "import sys; from inference import weights; from inference.weights import fetching, keeping;"
        "weights.find('sam'); sys.exit('torch' in sys.modules or 'huggingface_hub' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
