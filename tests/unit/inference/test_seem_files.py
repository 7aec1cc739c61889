"""SEEM's files: strict loading, recognition by tensor names, and the tokenizer."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import pytest
import torch

from inference.engine import WeightsMissing, WrongWeights
from inference.engines import seem
from inference.models.seem import checkpoint, files
from inference.models.seem.layout import COMPOSITE, GroupName
from inference.models.seem.prompting import ModelPrompts
from inference.models.seem.tokenizer import Tokenizer
from tests.unit.inference.seem_model import MERGES, SHAPE, write_weights, write_word_pieces

QUERY = "sem_seg_head.predictor.query_feat.weight"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "seem.safetensors")


@pytest.mark.parametrize("form", ["plain", "wrapped", "prefixed", "with constants", "legacy"])
def test_all_forms_of_official_files_load(weights: Path, tmp_path: Path, form: str) -> None:
    tensors = checkpoint.read_tensors(weights)
    path = tmp_path / "file.pt"
    stored = {
        "wrapped": {"model": tensors},
        "prefixed": {f"module.{name}": value for name, value in tensors.items()},
        "with constants": {**tensors, "dilation_kernel": torch.ones(1, 1, 3, 3)},
    }.get(form, tensors)
    torch.save(stored, path, _use_new_zipfile_serialization=form != "legacy")
    loaded = checkpoint.load(checkpoint.read_tensors(path), SHAPE)
    assert torch.equal(loaded.decoder.query_feat.weight, tensors[QUERY])


def test_every_difference_is_named(weights: Path) -> None:
    tensors = checkpoint.read_tensors(weights)
    del tensors["backbone.norm0.weight"]
    tensors[QUERY] = torch.zeros(3, 64)
    tensors["extra.weight"] = torch.zeros(1)
    with pytest.raises(WrongWeights) as caught:
        checkpoint.load(tensors, SHAPE, "SEEM Focal-T")
    assert str(caught.value).splitlines() == [
        "This file is not a SEEM Focal-T checkpoint: 1 tensor missing, 1 has another shape, 1 is not used.",
        "missing: backbone.norm0.weight",
        f"other shape: {QUERY}",
        "not used: extra.weight",
    ]


def test_the_sentence_of_the_specification() -> None:
    mismatch = checkpoint.Mismatch(tuple(map(str, range(12))), (), ("a", "b", "c"))
    sentence = mismatch.sentence("SAM ViT-B").splitlines()[0]
    assert sentence == "This file is not a SAM ViT-B checkpoint: 12 tensors missing, 3 have other shapes."


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("executed",))


@pytest.mark.parametrize("content", ["pickle", "noise", "empty", "cut"])
def test_files_that_are_no_weights_are_refused(
    weights: Path, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ("cut.safetensors" if content == "cut" else "file.pt")
    path.write_bytes(
        {
            "pickle": pickle.dumps({"model": _Harmful()}),
            "noise": bytes(range(256)) * 8,
            "empty": b"",
            "cut": weights.read_bytes()[:5000],
        }[content]
    )
    with pytest.raises(WrongWeights, match=path.name):
        checkpoint.read_tensors(path)
    assert "executed" not in capsys.readouterr().out


def test_weights_are_found_by_their_tensors_not_their_name(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(files.VARIABLE, str(tmp_path))
    torch.save({"another.weight": torch.zeros(2)}, tmp_path / "a-seem.pt")
    assert not seem.installed()
    with pytest.raises(WeightsMissing) as caught:
        seem.create()
    assert str(caught.value) == "SEEM needs a weights file. None was found in the model folders."
    for number, suffix in enumerate((".pt", ".safetensors")):
        path = tmp_path / f"folder{number}" / f"model{suffix}"
        path.parent.mkdir()
        if suffix == ".pt":
            torch.save(checkpoint.read_tensors(weights), path)
        else:
            path.write_bytes(weights.read_bytes())
        assert files.is_seem(path)
    assert seem.installed()
    assert files.weights() == tmp_path / "folder0" / "model.pt"
    with pytest.raises(WrongWeights, match="not a SEEM Focal-"):  # of small sizes, so none of the released ones
        seem.create()


def test_dropping_unread_queries_changes_nothing(weights: Path) -> None:
    model = checkpoint.load(checkpoint.read_tensors(weights), SHAPE)
    sight = model.look(torch.randn(1, 3, 64, 96))
    region = torch.zeros(1, 64, 96, dtype=torch.bool)
    region[:, 20:30, 20:30] = True
    prompts = ModelPrompts(model.sample(sight, region, ~region).tokens, previous=torch.randn(1, 1, 16, 24))
    spatial = GroupName.SPATIAL_QUERIES
    alone, together = model.decode(sight, COMPOSITE, prompts, {spatial}), model.decode(sight, COMPOSITE, prompts)
    assert GroupName.OBJECT_QUERIES in together.keys() - alone.keys()
    torch.testing.assert_close(alone[spatial].mask_embeddings, together[spatial].mask_embeddings)


def test_tokenizer_reads_both_forms_and_merges_as_clip(tmp_path: Path) -> None:
    plain = Tokenizer.read(write_word_pieces(tmp_path / "merges.txt"), 8)
    packed = tmp_path / "bpe_simple_vocab_16e6.txt.gz"
    packed.write_bytes(gzip.compress((tmp_path / "merges.txt").read_bytes()))
    red, cat = 512 + MERGES.index("re d</w>"), 512 + MERGES.index("ca t</w>")
    expected = [plain.start, red, cat, plain.end, plain.end, plain.end, plain.end, plain.end]
    assert plain("  RED\ncat ") == expected == Tokenizer.read(packed, 8)("red cat")
    assert plain.end == 512 + len(MERGES) + 1
    assert plain("a " * 20)[-1] == plain.end
    assert len(plain("Übermäßig, 3 Worte!")) == 8


def test_tokenizer_agrees_with_that_of_transformers(tmp_path: Path) -> None:
    from transformers import CLIPTokenizer

    ours = Tokenizer.read(write_word_pieces(tmp_path / "merges.txt"), 24)
    vocabulary = {**ours._ids, "<|startoftext|>": ours.start, "<|endoftext|>": ours.end}
    theirs = CLIPTokenizer(vocab=vocabulary, merges=[tuple(merge.split()) for merge in MERGES])
    for text in ("red cat", "A cat's 12 reds, café!", "recat  red-cat…"):
        ids = theirs(text, padding="max_length", max_length=24, truncation=True)["input_ids"]
        assert ours(text) == ids


@pytest.mark.parametrize("content", [b"#version\na b c\n", b"\xff\xfe\xfa", b""])
def test_other_files_are_no_word_pieces(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "merges.txt"
    path.write_bytes(content)
    with pytest.raises(WrongWeights, match=r"merges\.txt"):
        Tokenizer.read(path, 8)
