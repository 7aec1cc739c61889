"""Project files of older versions open and keep everything that they say."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Comment, Image, ImageState, Instance, Provenance, ReviewState
from desktop.dataset.prompt_json import to_json
from desktop.dataset.schema import APPLICATION_ID, MIGRATIONS, VERSION
from desktop.dataset.store import Project
from inference.prompts import MaskPrompt, Point, PromptSet, Text

MASK = Mask.from_crop(np.ones((4, 5), bool), 2, 3, 20, 16)
PROMPTS = to_json(PromptSet((MaskPrompt(MASK.to_array()), Point(3.5, 4.5), Text('a "kind": word'))))


def version_2(path: Path) -> None:
    """A project as the second version wrote it: an image with a comment and three instances."""
    mask = (MASK.width, MASK.height, MASK.counts, MASK.area, *MASK.bbox)
    with closing(sqlite3.connect(path)) as old:
        for migration in MIGRATIONS[:2]:
            old.executescript(migration)
        old.execute("INSERT INTO images VALUES (3, 'b.png', 0, 20, 16, 1, 'abc', 'done', 'a “remark”', '')")
        old.execute("INSERT INTO categories (id, name, colour, kind) VALUES (4, 'car', '#ff0000', 'thing')")
        rows = (
            (7, 4, "done", 'look: "here"', "sam", "1", "f00", 0.75, "2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"),
            (8, None, "draft", "", "sam", "1", "f00", 0.5, "2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z"),
            (9, 4, "needs work", "", "hand", "", "", None, "2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z"),
        )
        for instance_id, category, review, comment, source, version, print_, score, created, edited in rows:
            old.execute(
                "INSERT INTO instances (id, image_id, category_id, width, height, counts, area, x0, y0, x1, y1, "
                "attributes, is_crowd, z_order, review, comment, source, version, fingerprint, score, seed, created, "
                'edited, author, locked) VALUES (?, 3, ?, ?, ?, ?, ?, ?, ?, ?, ?, \'{"a": "b"}\', 1, 2, '
                "?, ?, ?, ?, ?, ?, 5, ?, ?, 'Ann', 1)",
                (instance_id, category, *mask, review, comment, source, version, print_, score, created, edited),
            )
        old.execute("INSERT INTO prompt_history VALUES (7, ?)", (PROMPTS,))
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("PRAGMA user_version = 2")
        old.commit()


def test_a_file_from_before_reviews_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "old.maskwright"
    version_2(path)

    def instance(
        instance_id: int, category: int | None, review: ReviewState, said: tuple[Comment, ...], **made: object
    ):
        provenance = Provenance(seed=5, created="2026-01-01T10:00:00Z", author="Ann", **made)
        return Instance(
            instance_id, 3, MASK, category, {"a": "b"}, True, 2, review, said, provenance=provenance, locked=True
        )

    sam = {"source": "sam", "version": "1", "fingerprint": "f00"}
    expected = (
        instance(
            7, 4, ReviewState.DONE, (Comment('look: "here"'),),
            **sam, score=0.75, prompts=PROMPTS, edited="2026-01-01T10:00:00Z",
        ),
        instance(8, None, ReviewState.DRAFT, (), **sam, score=0.5, edited="2026-01-02T10:00:00Z", mask_edits=1),
        instance(9, 4, ReviewState.NEEDS_WORK, (), edited="2026-01-02T10:00:00Z"),
    )  # fmt: skip
    with Project.open(path, state_folder=tmp_path) as project:
        assert project.images() == (Image(3, "b.png", 0, 20, 16, 1, "abc", ImageState.DONE, (Comment("a “remark”"),)),)
        assert project.categories() == (Category(4, "car", "#ff0000"),)
        assert project.instances(3) == expected
    with closing(sqlite3.connect(path)) as new:
        assert new.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert new.execute("SELECT id, prompt_count FROM instances").fetchall() == [(7, 2), (8, 0), (9, 0)]
        assert new.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_changed_instance_is_stored_after_the_migration(tmp_path: Path) -> None:
    path = tmp_path / "old.maskwright"
    version_2(path)
    with Project.open(path, state_folder=tmp_path) as project:
        assert project.reserve_instance_id() == 10
    with Project.open(path, state_folder=tmp_path) as again:
        assert len(again.instances(3)) == 3
