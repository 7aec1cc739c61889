"""Opening and going: browsing never writes, sessions stay on their image, unreadable files are named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.dataset.model import ImageState
from desktop.workspace import ImageFilter, Notice, SavedState, Workspace
from inference.prompts import Point
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH, FakeWorker


def box(x0: int, y0: int, x1: int, y1: int) -> Mask:
    return Mask.from_polygons([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]], WIDTH, HEIGHT)


def test_browsing_writes_nothing_and_the_first_change_makes_the_project(
    browsing: Workspace, photos: Path, qtbot: QtBot
) -> None:
    browsing.go_next()
    qtbot.waitUntil(lambda: not browsing.editable())
    assert [p.suffix for p in photos.iterdir()] == [".png"] * 3
    assert browsing.project is None
    browsing.create_instance(box(2, 2, 10, 10), "Polygon")
    assert browsing.project is not None
    assert browsing.project.path == photos / "photos.maskwright"
    assert [i.path for i in browsing.project.images()] == ["img1.png", "img2.png", "img3.png"]
    assert browsing.current_image is not None
    assert browsing.current_image.state is ImageState.DRAFT


def test_everything_is_there_after_opening_again(
    browsing: Workspace, photos: Path, make: Callable[[], Workspace], qtbot: QtBot
) -> None:
    cat = browsing.add_category("cat")
    browsing.create_instance(box(2, 2, 10, 10), "Polygon")
    qtbot.waitUntil(lambda: browsing.saved.state is SavedState.SAVED)
    browsing.shut_down()
    again = make()
    again.open_folder(photos)
    assert [c.name for c in again.categories] == ["cat"]
    (instance,) = again.instances.values()
    assert instance.mask == box(2, 2, 10, 10)
    assert instance.category_id == cat
    assert again.count(cat).project == 1


def test_a_second_window_is_read_only_and_says_why(
    browsing: Workspace, photos: Path, make: Callable[[], Workspace], qtbot: QtBot
) -> None:
    browsing.add_category("cat")
    browsing.save_now()
    second = make()
    raised: list[Notice] = []
    second.notice_raised.connect(raised.append)
    second.open_folder(photos)
    qtbot.waitUntil(lambda: second.pixels is not None)
    assert "read-only" in second.read_only
    assert raised
    second.create_instance(box(0, 0, 5, 5), "Polygon")
    assert not second.instances


def test_a_project_file_that_cannot_be_made_offers_another_place(browsing: Workspace, photos: Path) -> None:
    (photos / "photos.maskwright").mkdir()
    _refused_then_elsewhere(browsing, photos.parent / "mine.maskwright")


def _refused_then_elsewhere(workspace: Workspace, path: Path) -> None:
    raised: list[Notice] = []
    workspace.notice_raised.connect(raised.append)
    workspace.create_instance(box(0, 0, 5, 5), "Polygon")
    assert not workspace.instances
    assert raised[0].text.startswith("Not saved:")
    workspace.save_elsewhere(path)
    workspace.create_instance(box(0, 0, 5, 5), "Polygon")
    assert len(workspace.instances) == 1
    assert workspace.project is not None
    assert workspace.project.path == path
    assert workspace.project.image_path(1).name == "img1.png"
    assert workspace.project.image_path(1).exists()


def test_navigation_filter_and_states(browsing: Workspace) -> None:
    browsing.go_previous()
    assert browsing.messages()[-1][1] == "This is the first image."
    browsing.mark_done()
    assert browsing.current_image is not None
    assert browsing.current_image.id == 2
    assert browsing.done_counts == (1, 3)
    browsing.set_image_filter(ImageFilter(chip="done"))
    assert [i.id for i in browsing.visible_images] == [1]
    browsing.set_image_filter(ImageFilter(name="G3"))
    assert [i.id for i in browsing.visible_images] == [3]
    browsing.set_image_filter(ImageFilter())
    browsing.go_next()
    browsing.go_previous_unfinished()
    assert browsing.current_image.id == 2
    browsing.go_to_image(1)
    browsing.undo()
    assert browsing.done_counts == (0, 3)


def test_a_session_waits_on_its_image_and_late_answers_stay_there(
    browsing: Workspace, worker: FakeWorker, qtbot: QtBot
) -> None:
    browsing.add_prompt(Point(10, 10))
    browsing.go_next()
    qtbot.waitUntil(lambda: browsing.pixels is not None)
    assert browsing.session is None
    assert [p.image_id for p in browsing.parked_sessions] == [1]
    worker.answer()
    assert browsing.session is None
    assert browsing.session_view.candidate is None
    browsing.go_previous()
    assert browsing.session is not None
    assert browsing.session.candidate is not None
    assert len(worker.segments) == 1, "the answer that came meanwhile is used"


def test_prompts_before_the_pixels_are_sent_when_they_arrive(
    workspace: Workspace, photos: Path, worker: FakeWorker, qtbot: QtBot
) -> None:
    workspace.open_folder(photos)
    qtbot.waitUntil(lambda: workspace.image_size != (0, 0))
    workspace.add_prompt(Point(10, 10))
    qtbot.waitUntil(lambda: bool(worker.segments))
    worker.answer()
    assert workspace.session is not None
    assert workspace.session.candidate is not None


def test_an_unreadable_image_is_named_and_skippable(workspace: Workspace, photos: Path, qtbot: QtBot) -> None:
    (photos / "img1.png").write_bytes(b"not a picture")
    raised: list[Notice] = []
    workspace.notice_raised.connect(raised.append)
    workspace.open_folder(photos)
    qtbot.waitUntil(lambda: bool(raised))
    assert "img1.png" in raised[0].text
    assert workspace.editable()
    assert workspace.images[0].state is ImageState.ERROR
    raised[0].actions[0].run()
    qtbot.waitUntil(lambda: workspace.pixels is not None)


def test_an_empty_folder_and_a_missing_path_are_said(workspace: Workspace, tmp_path: Path) -> None:
    raised: list[Notice] = []
    workspace.notice_raised.connect(raised.append)
    (tmp_path / "nothing").mkdir()
    workspace.open_paths([tmp_path / "nothing"])
    workspace.open_paths([tmp_path / "gone.png"])
    assert [n.text for n in raised] == [
        "There are no images in nothing.",
        f"{tmp_path / 'gone.png'} does not exist.",
    ]


def test_copy_all_from_the_image_before(browsing: Workspace, qtbot: QtBot) -> None:
    assert browsing.can_copy_from_previous()
    browsing.create_instance(box(2, 2, 10, 10), "Polygon")
    browsing.go_next()
    qtbot.waitUntil(lambda: browsing.pixels is not None)
    browsing.copy_all_from_previous()
    (copied,) = browsing.instances.values()
    assert copied.mask == box(2, 2, 10, 10)
    assert copied.image_id == 2


def test_recent_projects_are_remembered(browsing: Workspace, photos: Path, make: Callable[[], Workspace]) -> None:
    browsing.add_category("cat")
    browsing.close_project()
    assert not browsing.images
    browsing.open_folder(photos)
    assert make().recent_projects() == [photos / "photos.maskwright"]


def test_an_annotated_folder_lists_images_that_came_later(
    browsing: Workspace, photos: Path, make: Callable[[], Workspace], qtbot: QtBot
) -> None:
    browsing.create_instance(box(2, 2, 10, 10), "Polygon")
    browsing.close_project()
    shutil.copy(photos / "img1.png", photos / "img9.png")
    again = make()
    again.open_folder(photos)
    assert [image.path for image in again.images] == ["img1.png", "img2.png", "img3.png", "img9.png"]
    assert len(again.instances) == 1


def test_a_project_kept_elsewhere_does_not_list_the_folder_it_is_in(
    browsing: Workspace, photos: Path, tmp_path: Path, make: Callable[[], Workspace]
) -> None:
    elsewhere = tmp_path / "kept"
    elsewhere.mkdir()
    shutil.copy(photos / "img1.png", elsewhere / "other.png")
    browsing.save_elsewhere(elsewhere / "kept.maskwright")
    browsing.create_instance(box(2, 2, 10, 10), "Polygon")
    browsing.close_project()
    again = make()
    again.open_project(elsewhere / "kept.maskwright")
    assert [Path(image.path).name for image in again.images] == ["img1.png", "img2.png", "img3.png"]
