"""Project: what is applied is seen at once, saved soon, and survives what goes wrong."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from desktop.dataset import changes as c
from desktop.dataset.errors import (
    NotAProject,
    ProjectDamaged,
    ProjectExists,
    ProjectReadOnly,
    ProjectTooNew,
    UnknownItem,
)
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Comment, Image, Instance, Provenance
from desktop.dataset.project_file import backups
from desktop.dataset.schema import APPLICATION_ID, MIGRATIONS, VERSION
from desktop.dataset.store import Project, SaveStatus


def square(x=1, side=8):
    return Mask.from_crop(np.ones((side, side), bool), x, 1, 32, 32)


def instance(project, category=1, **values):
    return Instance(project.reserve_instance_id(), 1, square(), category, **values)


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "a", state_folder=tmp_path / "state") as made:
        made.apply(
            c.AddImages((Image(1, "ü/b.jpg", width=32, height=32),)), c.AddCategories((Category(1, "car", "#f00"),))
        )
        yield made


def reopened(project, tmp_path):
    project.close()
    return Project.open(project.path, state_folder=tmp_path / "state")


def test_values_survive_saving(project, tmp_path):
    made = Provenance("sam", "1", "abc", '{"format":1}', 0.5, 7, "t0", "t1", "me")
    one = instance(
        project,
        attributes={"ü": "ß"},
        is_crowd=True,
        z_order=3,
        comments=(Comment("x", "me", "t"),),
        provenance=made,
        locked=True,
    )
    project.apply(c.AddInstances((one,)), c.AddTextPrompt("cat", True, "t"), c.PutSetting("k", "v"))
    project.apply(c.PutReference(c.StoredReference(1, "r", 1, square())), c.PutJob(c.Job(1, "batch", "running")))
    before = project.references(), project.jobs(), project.text_prompts(), project.images(), project.categories()
    assert project.instances(1) == (one,)
    with reopened(project, tmp_path) as again:
        assert again.instances(1) == (one,)
        assert again.instance(one.id) == one
        assert again.setting("k") == "v"
        assert before == (again.references(), again.jobs(), again.text_prompts(), again.images(), again.categories())


def test_a_new_project_holds_nothing_of_a_deleted_one_that_crashed(tmp_path):
    crashed = Project.create(tmp_path / "p", state_folder=tmp_path)
    crashed.apply(c.AddCategories((Category(1, "car", "#ff0000"),)))
    crashed.flush()
    log = crashed.path.with_name(crashed.path.name + "-wal")
    left = log.read_bytes()  # what a kill leaves behind
    assert left
    crashed.close()
    crashed.path.unlink()
    log.write_bytes(left)
    with Project.create(tmp_path / "p", state_folder=tmp_path) as fresh:
        assert fresh.categories() == ()


def test_ids_are_never_used_again(project, tmp_path):
    one = instance(project)
    project.apply(c.AddInstances((one,)))
    project.apply(c.DeleteInstances((one.id,)))
    with reopened(project, tmp_path) as again:
        assert again.reserve_instance_id() > one.id
        assert again.instances(1) == ()


def test_counts_follow_changes_before_and_after_saving(project):
    items = tuple(instance(project) for _ in range(4))
    project.apply(c.AddInstances(items))
    assert project.counts_by_category() == {1: 4}
    project.flush()
    project.apply(c.ReplaceInstances((replace(items[0], category_id=None),)), c.DeleteInstances((items[1].id,)))
    assert project.counts_by_category(1) == {1: 2, None: 1}
    project.apply(c.DeleteCategory(1))
    assert project.counts_by_category() == {None: 3}
    assert {i.category_id for i in project.instances(1)} == {None}
    project.flush()
    assert project.counts_by_image() == {1: 3}
    project.apply(c.DeleteImages((1,)))
    assert project.counts_by_image() == {}
    assert project.counts_by_category() == {}
    assert project.images_with(None) == set()
    with pytest.raises(UnknownItem):
        project.instances(1)


def test_unknown_image_changes_nothing(project):
    with pytest.raises(UnknownItem, match="no image 9"):
        project.apply(c.PutSetting("k", "v"), c.AddInstances((Instance(1, 9, square()),)))
    assert project.setting("k") == ""


def test_applying_is_quick_and_saved_within_a_second(project):
    items = tuple(instance(project) for _ in range(100))
    started = time.perf_counter()
    project.apply(c.AddInstances(items))
    assert time.perf_counter() - started < 0.05
    time.sleep(1.0)
    with closing(sqlite3.connect(project.path)) as other:
        assert other.execute("SELECT count(*) FROM instances").fetchone() == (100,)
    assert project.saved.status is SaveStatus.SAVED


def test_second_window_is_read_only_and_says_why(project):
    project.flush()
    with Project.open(project.path) as second:
        assert "is shown read-only: it is open in another window" in second.read_only_reason
        assert second.images() == project.images()
        with pytest.raises(ProjectReadOnly):
            second.apply(c.PutSetting("k", "v"))


def test_disk_full_keeps_changes_in_the_journal_and_offers_them(project, tmp_path):
    project.flush()
    states = []
    project.on_saved(states.append)
    pages = project._writer._connection.execute("PRAGMA page_count").fetchone()[0]
    project._writer._connection.execute(f"PRAGMA max_page_count = {pages}")
    item = instance(project, comments=(Comment("x" * 100_000),))
    project.apply(c.AddInstances((item,)))
    failed = project.flush()
    assert failed.sentence == "Not saved: no space left on the disk. Changes are safe in the recovery journal."
    assert states[-1] == failed
    assert project.instances(1) == (item,)
    copy = project.save_copy(tmp_path / "elsewhere.maskwright")
    with Project.open(copy) as saved:
        assert saved.instances(1) == (item,)
    reopened(project, tmp_path).close()  # neither restored nor discarded: it is offered again
    with reopened(project, tmp_path) as again:
        assert again.instances(1) == ()
        assert again.recovery is not None
        assert (again.recovery.count, again.recovery.image_ids) == (1, (1,))
        assert again.restore_recovered() == 1
        assert again.instances(1) == (item,)
        assert again.recovery is None
    with reopened(again, tmp_path) as later:
        assert later.recovery is None
        assert later.instances(1) == (item,)


def test_saving_goes_on_when_there_is_space_again(project):
    project.flush()
    connection = project._writer._connection
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
    project.apply(c.AddInstances((instance(project, comments=(Comment("x" * 100_000),)),)))
    assert project.flush().status is SaveStatus.FAILED
    connection.execute("PRAGMA max_page_count = 1000000")
    assert project.flush().status is SaveStatus.SAVED
    assert not list(project._journal.parent.glob("*.json"))


def test_file_replaced_by_another_program_is_not_overwritten(project, tmp_path):
    project.flush()
    project.path.rename(tmp_path / "moved")
    project.path.write_bytes(b"theirs")
    project.apply(c.PutSetting("k", "v"))
    assert "was replaced by another program" in project.flush().sentence
    assert project.path.read_bytes() == b"theirs"


def test_an_old_file_is_brought_up_to_date(tmp_path):
    path = tmp_path / "old.maskwright"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(MIGRATIONS[0])
        old.execute("INSERT INTO categories (id, name, colour, kind) VALUES (4, 'car', '#f00', 'thing')")
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("PRAGMA user_version = 1")
        old.commit()
    with Project.open(path, state_folder=tmp_path) as project:
        assert project.categories() == (Category(4, "car", "#f00"),)
        assert project.reserve_category_id() == 5
    with closing(sqlite3.connect(path)) as new:
        assert new.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_files_that_cannot_be_opened(project, tmp_path):
    project.apply(c.AddInstances(tuple(instance(project) for _ in range(300))))
    project.close()
    with pytest.raises(ProjectExists):
        Project.create(project.path)
    other = tmp_path / "x.maskwright"
    other.write_bytes(b"hello" * 100)
    with pytest.raises(NotAProject, match=r"x\.maskwright is not a Maskwright project"):
        Project.open(other)
    data = bytearray(project.path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    other.write_bytes(data)
    with pytest.raises(ProjectDamaged, match="could not be read"):
        Project.open(other)
    assert other.read_bytes() == bytes(data)
    with closing(sqlite3.connect(project.path)) as later:
        later.execute("PRAGMA user_version = 99")
    with pytest.raises(ProjectTooNew):
        Project.open(project.path)


def test_backups_rotate_only_when_something_changed(project, tmp_path):
    for number in range(5):
        project = reopened(project, tmp_path)
        project.apply(c.PutSetting("n", str(number)))
    project.close()
    Project.open(project.path, state_folder=tmp_path).close()
    kept = backups(project.path)
    assert len(kept) == 3
    content = kept[0].read_bytes()
    Project.open(project.path, state_folder=tmp_path).close()
    assert backups(project.path)[0].read_bytes() == content
