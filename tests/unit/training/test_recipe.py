"""The recipe end to end on a handful of drawn images: reading, split, views, a reproducible and resumable run."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from inference.evaluation.index import evenly_spaced, load_mask, tasks
from inference.evaluation.index import load_index as evaluation_index
from inference.evaluation.referring import text_tasks
from inference.models.lite.backbone import EfficientNetLite0
from inference.models.lite.label_features import label_features
from inference.models.lite.weights import model_from, read_state
from inference.training import blind, export, held_out, label_head, recipe, views
from inference.training.data import BadIndex, Sampler, load_index, split_key
from inference.training.lite import main
from inference.training.views import TARGET, VIEW, draw_view, turned


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twenty images with a disk and a box each, four of them of a clothed person."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    rng = np.random.default_rng(0)
    images = []
    for number in range(20):
        pixels = rng.integers(0, 80, (96, 128, 3), np.uint8)
        mask = np.zeros((96, 128), np.uint8)
        cv2.circle(mask, (40, 48), 25, 1, -1)
        mask[20:70, 80:120] = 2
        mask[:4] = 255
        pixels[mask == 1] += np.array([150, 20, 20], np.uint8)
        pixels[mask == 2] += np.array([20, 20, 150], np.uint8)
        name = f"drawn_{number}"
        assert cv2.imwrite(str(folder / "images" / f"{name}.jpg"), pixels[:, :, ::-1])
        assert cv2.imwrite(str(folder / "masks" / f"{name}.png"), mask)
        objects = [
            {"id": 1, "category": "ball", "area": int((mask == 1).sum())},
            {"id": 2, "category": None, "area": int((mask == 2).sum()), "isthing": 1},
        ]
        entry = {"id": name, "image": f"images/{name}.jpg", "mask": f"masks/{name}.png", "domain": "photo"}
        entry |= {"source": "ccp" if number > 15 else "drawn", "licence": "CC0" if number % 2 else "research only"}
        images.append(entry | {"objects": objects} | ({"union": "person"} if number > 15 else {}))
    (folder / "index.json").write_text(json.dumps({"version": 1, "images": images}), encoding="utf-8")
    return folder


def test_the_index_says_what_may_be_used_commercially(data: Path) -> None:
    assert [image.is_permissive for image in load_index(data)] == [False, True] * 10


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("annotations CC BY 4.0; image CC BY 2.0", True),
        ("annotations CC BY 4.0; image CC BY-NC-SA 2.0", False),
        ("annotations CC BY 4.0; image CC BY-ND 2.0", False),
        ("CC BY-NC 4.0 (as stated by repository)", False),
        ("Apache-2.0 (repository licence)", True),
        ("PASCAL VOC 2010 (Flickr images, research use; Flickr terms)", False),
    ],
)
def test_licences_are_read(data: Path, licence: str, permissive: bool) -> None:
    document = json.loads((data / "index.json").read_text("utf-8"))
    document["images"][0]["licence"] = licence
    (data / "index.json").write_text(json.dumps(document), encoding="utf-8")
    assert load_index(data)[0].is_permissive is permissive


def test_video_frames_stay_together() -> None:
    assert split_key("camvid_0016E5_00901", "camvid") == split_key("camvid_0016E5_06420", "camvid")
    assert split_key("camvid_0006R0_f02670", "camvid") == "camvid_0006R0"
    assert split_key("voc_2008_000021", "voc2010") == "voc_2008_000021"


def test_bad_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadIndex, match=r"index\.json cannot be read"):
        load_index(tmp_path)
    (tmp_path / "index.json").write_text('{"images": [{"id": 1}]}', encoding="utf-8")
    with pytest.raises(BadIndex, match="not in the expected form"):
        load_index(tmp_path)
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--steps", "1"]) == 2


@pytest.mark.parametrize("kind", ["whole", "wide", "zoom", "part"])
def test_views_show_the_object(data: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "KIND_SHARES", {kind: 1.0})
    image = load_index(data)[0]
    random = np.random.default_rng(0)
    for _ in range(10):
        view = draw_view(image.pixels(), image.labels(), (1,), 255, random)
        assert view is not None
        assert view.is_part == (kind == "part")
        if view.is_part:
            assert view.target[0].any() or view.target[-1].any() or view.target[:, 0].any() or view.target[:, -1].any()
        assert view.pixels.shape == (VIEW, VIEW, 3)
        assert view.target.shape == view.known.shape == (TARGET, TARGET)
        shown = view.pixels[::2, ::2][(view.target > 0.9)]
        assert shown[:, 0].mean() > shown[:, 2].mean() + 50, "the target lies on the red disk"


@pytest.mark.parametrize("seed", range(5))
def test_a_turned_view_turns_pixels_and_truth_alike(data: Path, seed: int) -> None:
    image = load_index(data)[0]
    random = np.random.default_rng(seed)
    view = draw_view(image.pixels(), image.labels(), (2,), 255, random, parts=False)
    assert view is not None
    after = turned(view, random)
    assert after.pixels.shape == view.pixels.shape
    assert after.pixels.dtype == np.uint8
    assert after.target.shape == after.known.shape == view.target.shape
    assert (after.target != view.target).any()
    assert set(np.unique(after.known)) <= {0.0, 1.0}
    assert after.known.sum() < view.known.sum(), "nothing is known of the corners"
    blue = after.pixels[::2, ::2, 2].astype(float) - after.pixels[::2, ::2, 0]
    assert blue[(after.target > 0.95) & (after.known > 0)].mean() > 70
    assert blue[(after.target < 0.05) & (after.known > 0)].mean() < 30


def test_people_are_often_drawn_whole(data: Path) -> None:
    sampler = Sampler([i for i in load_index(data) if i.union], 0)
    drawn = [len(sampler.draw()[1]) for _ in range(200)]
    assert 0.5 < np.mean([count == 2 for count in drawn]) < 0.8


def test_the_held_out_index_holds_only_held_out_images(data: Path, tmp_path: Path) -> None:
    count = held_out.write_index(data, tmp_path / "out")
    document = json.loads((tmp_path / "out" / "index.json").read_text("utf-8"))
    expected = {image.id for image in load_index(data) if image.is_validation}
    assert expected
    assert {image["id"] for image in document["images"]} == expected
    assert len(document["click_tasks"]) == count


def test_tasks_to_choose_on_are_those_that_are_not_reported(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_out, "REPORTED", 1)
    count = held_out.write_index(data, tmp_path / "out")
    all_tasks = tasks(evaluation_index(tmp_path / "out" / "index.json"))
    others = tasks(evaluation_index(tmp_path / "out" / "others.json"))
    assert count > 1
    assert set(others) == set(all_tasks) - set(evenly_spaced(all_tasks, 1))
    assert len(others) == count - 1


def test_expressions_of_held_out_images_come_along_and_can_be_answered_blindly(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [image.id for image in load_index(data)]
    listed = [{"image_id": each, "text": "the ball", "object_ids": [1]} for each in ids]
    (data / "referring.json").write_text(json.dumps({"expressions": listed}), encoding="utf-8")
    held_out.write_index(data, tmp_path / "out")
    index = tmp_path / "out" / "index.json"
    kept = {task.image.id for task in text_tasks(evaluation_index(index))}
    assert kept
    assert kept == {image.id for image in load_index(data) if image.is_validation}
    assert blind.main(["--index", str(index)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["n"] == len(kept)
    shares = []
    for task in text_tasks(evaluation_index(index)):
        values = load_mask(task.image)
        shares.append((values == 1).sum() / (values != 255).sum())
    assert said["whole_image"]["miou"] == pytest.approx(np.mean(shares), abs=1e-3)
    assert 0 < said["centre_box"]["miou"] < 1
    (tmp_path / "out" / "referring.json").unlink()
    assert blind.main(["--index", str(index)]) == 2
    assert "has no text tasks" in capsys.readouterr().err
    assert held_out.main(["--data", str(tmp_path / "none"), "--out", str(tmp_path / "more")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained features and tiny batches: the loop is under test, not the network."""
    monkeypatch.setattr(recipe, "imagenet_backbone", _untrained)
    monkeypatch.setattr(recipe, "BATCH", 2)
    monkeypatch.setattr(recipe, "VALIDATE_EVERY", 2)
    monkeypatch.setattr(recipe, "VALIDATION_LESSONS", 2)
    monkeypatch.setattr(recipe, "VALIDATION_ROUNDS", 3)
    monkeypatch.setattr(recipe, "LEARNED_ROUNDS", 1)


def _untrained() -> EfficientNetLite0:
    torch.manual_seed(7)
    return EfficientNetLite0().eval().requires_grad_(False)


def _log(folder: Path) -> list[list[str]]:
    lines = [line.split(",") for line in (folder / "log.csv").read_text().splitlines()]
    return [line[:1] + line[2:] for line in lines]


@pytest.mark.usefixtures("small")
def test_a_run_reproduces_its_log_and_a_resumed_one_continues_it(data: Path, tmp_path: Path) -> None:
    common = ["--data", str(data), "--seed", "3", "--tune-from", "0.5"]
    for name in ("one", "two"):
        assert main([*common, "--steps", "4", "--out", str(tmp_path / name)]) == 0
    assert _log(tmp_path / "one") == _log(tmp_path / "two")
    settings = json.loads((tmp_path / "one" / "settings.json").read_text("utf-8"))
    assert settings["steps"] == 4
    assert (tmp_path / "one" / "curves.png").stat().st_size > 1000

    training = recipe.Training(load_index(data), tmp_path / "half", 3, recipe.Budget(1, 4), 0.5)
    (tmp_path / "half").mkdir()
    while training.step < 2:
        training.advance(training.step / 4)
    training.save()
    assert main([*common, "--steps", "4", "--out", str(tmp_path / "half"), "--resume"]) == 0
    assert _log(tmp_path / "half")[-1][5:] == _log(tmp_path / "one")[-1][5:]


@pytest.mark.usefixtures("small")
def test_only_the_later_blocks_of_the_backbone_learn_and_only_when_it_is_time(data: Path, tmp_path: Path) -> None:
    training = recipe.Training(load_index(data), tmp_path / "run", 3, recipe.Budget(1, 4), 0.5)
    before = {name: value.clone() for name, value in training.model.backbone.state_dict().items()}

    def moved() -> set[str]:
        now = training.model.backbone.state_dict()
        return {name for name, value in before.items() if not torch.equal(value, now[name])}

    training.advance(0.25)
    assert not moved()
    training.advance(0.5)
    first = f"blocks.{recipe.TUNED_FROM_BLOCK}."
    assert any(name.startswith(first) for name in moved())
    early = [f"blocks.{index}." for index in range(recipe.TUNED_FROM_BLOCK)]
    assert not any(name.startswith(("stem", "head", "classifier", *early)) for name in moved())


@pytest.mark.usefixtures("small")
def test_resuming_nothing_is_refused(data: Path, tmp_path: Path) -> None:
    assert main(["--data", str(data), "--out", str(tmp_path / "none"), "--resume"]) == 2


@pytest.mark.usefixtures("small")
def test_a_run_can_start_from_the_averaged_weights_of_another(data: Path, tmp_path: Path) -> None:
    assert main(["--data", str(data), "--steps", "2", "--out", str(tmp_path / "one")]) == 0
    earlier = torch.load(tmp_path / "one" / "checkpoint.pt", weights_only=True)["average"]
    later = recipe.Training(load_index(data), tmp_path / "two", 3, recipe.Budget(1, 4), 1.0)
    later.start_from(tmp_path / "one" / "checkpoint.pt")
    assert all(torch.equal(value, earlier[name]) for name, value in later.model.state_dict().items())
    assert recipe.settings(later)["started_from"]
    (tmp_path / "two").mkdir()
    later.advance(0.0)
    later.save()
    again = recipe.Training(load_index(data), tmp_path / "two", 3, recipe.Budget(1, 4), 1.0)
    again.restore()
    assert again.started_from == later.started_from
    paths = [tmp_path / name / "checkpoint.pt" for name in ("one", "two")]
    assert export.main([*map(str, paths), str(tmp_path / "mean.safetensors")]) == 0
    state, _ = read_state((tmp_path / "mean.safetensors").read_bytes())
    name = next(n for n in state if state[n].is_floating_point())
    middle = (earlier[name] + again.average[name]) / 2
    assert torch.allclose(state[name], middle, atol=2e-3)
    assert main(["--data", str(data), "--out", str(tmp_path / "x"), "--start-from", str(tmp_path / "no.pt")]) == 2


@pytest.mark.usefixtures("small")
def test_the_class_head_is_fitted_on_the_features_of_the_weights_it_joins(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = recipe.Training(load_index(data), tmp_path / "run", 3, recipe.Budget(1, 4), 1.0)
    (tmp_path / "run").mkdir()
    training.save()
    weights = tmp_path / "lite.safetensors"
    assert export.main([str(tmp_path / "run" / "checkpoint.pt"), str(weights)]) == 0
    cache = tmp_path / "features.pt"
    assert label_head.main(["--data", str(data), "--weights", str(weights), "--cache", str(cache)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["classes"] == 1
    assert said["held_out_things"] > 0
    model = model_from(weights.read_bytes())
    assert model.classes == ("ball",)
    image = next(i for i in load_index(data) if i.source == "drawn")
    mask = image.labels() == 1
    features, _ = label_features(model.backbone, image.pixels(), [mask])
    kept = torch.load(cache, weights_only=True)["features"]
    nearest = (kept - features).norm(dim=1).min() / features.norm()
    assert nearest < 0.02, "half precision of the cache apart, they are the same features"
