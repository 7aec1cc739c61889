"""The tables of the project file and the steps that bring an older file up to date (``PRAGMA user_version``).

A new file runs all the steps, so the newest schema is never written down twice.
"""

from __future__ import annotations

import sqlite3

from desktop.dataset.errors import ProjectTooNew

APPLICATION_ID = 0x4D534B57
"""SQLite's mark of the file's owner: the letters MSKW."""

_FIRST = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, page INTEGER NOT NULL DEFAULT 0,
    width INTEGER NOT NULL DEFAULT 0, height INTEGER NOT NULL DEFAULT 0, orientation INTEGER NOT NULL DEFAULT 1,
    content_hash TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT 'empty',
    comment TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '');
CREATE INDEX images_by_path ON images (path, page);
CREATE TABLE categories (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, colour TEXT NOT NULL, kind TEXT NOT NULL,
    parent TEXT, position INTEGER NOT NULL DEFAULT 0);
CREATE TABLE instances (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    category_id INTEGER REFERENCES categories (id) ON DELETE SET NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, counts BLOB NOT NULL, area INTEGER NOT NULL,
    x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL,
    attributes TEXT NOT NULL DEFAULT '{}', is_crowd INTEGER NOT NULL DEFAULT 0, z_order INTEGER NOT NULL DEFAULT 0,
    review TEXT NOT NULL DEFAULT 'draft', comment TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL DEFAULT 'hand', version TEXT NOT NULL DEFAULT '', fingerprint TEXT NOT NULL DEFAULT '',
    score REAL, seed INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL DEFAULT '', edited TEXT NOT NULL DEFAULT '',
    author TEXT NOT NULL DEFAULT '');
CREATE INDEX instances_by_image ON instances (image_id, category_id);
CREATE INDEX instances_by_category ON instances (category_id);
CREATE TABLE prompt_history (
    instance_id INTEGER PRIMARY KEY REFERENCES instances (id) ON DELETE CASCADE, prompts TEXT NOT NULL);
CREATE TABLE text_prompts (
    text TEXT NOT NULL, positive INTEGER NOT NULL DEFAULT 1, used TEXT NOT NULL DEFAULT '',
    times INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (text, positive));
CREATE TABLE "references" (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,
    image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    width INTEGER NOT NULL, height INTEGER NOT NULL, counts BLOB NOT NULL, area INTEGER NOT NULL,
    x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL,
    created TEXT NOT NULL DEFAULT '');
"""

_LOCKS_AND_JOBS = """
ALTER TABLE instances ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE categories ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, state TEXT NOT NULL, request TEXT NOT NULL DEFAULT '{}',
    progress TEXT NOT NULL DEFAULT '{}', created TEXT NOT NULL DEFAULT '');
"""

_REVIEW = """
ALTER TABLE images RENAME COLUMN comment TO comments;
ALTER TABLE images ADD COLUMN editor TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN changed TEXT NOT NULL DEFAULT '';
UPDATE images SET comments = json_array(json_object('text', comments)) WHERE comments != '';
ALTER TABLE instances RENAME COLUMN comment TO comments;
ALTER TABLE instances ADD COLUMN reviewer TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN reviewed TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN editor TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN suggested TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN seconds REAL;
ALTER TABLE instances ADD COLUMN mask_edits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN prompt_count INTEGER NOT NULL DEFAULT 0;
UPDATE instances SET comments = json_array(json_object('text', comments)) WHERE comments != '';
UPDATE instances SET mask_edits = 1 WHERE source NOT IN ('hand', 'imported') AND created != '' AND edited > created;
UPDATE instances SET prompt_count = ifnull((
    SELECT (length(prompts) - length(replace(prompts, '"kind":', ''))) / 7
        - (length(prompts) - length(replace(prompts, '"kind":"mask"', ''))) / 13
    FROM prompt_history WHERE instance_id = instances.id), 0);
CREATE TABLE found_masks (
    instance_id INTEGER PRIMARY KEY REFERENCES instances (id) ON DELETE CASCADE, counts BLOB NOT NULL);
CREATE INDEX instances_by_doubt ON instances (image_id, score)
    WHERE score IS NOT NULL AND mask_edits = 0 AND review IN ('draft', 'done');
"""
"""Reviews, who did what, and how long it took. Older files do not say what changed after an instance was accepted:
anything that did counts as one edit of the mask, so that no changed mask is taken for an engine's own."""

_PROPOSALS = """
CREATE TABLE proposals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    width INTEGER NOT NULL, height INTEGER NOT NULL, counts BLOB NOT NULL, area INTEGER NOT NULL,
    x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL,
    label TEXT NOT NULL DEFAULT '', score REAL NOT NULL DEFAULT 0, is_thing INTEGER NOT NULL DEFAULT 1,
    engine TEXT NOT NULL DEFAULT '', fingerprint TEXT NOT NULL DEFAULT '', prompts TEXT NOT NULL DEFAULT '',
    seed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX proposals_by_image ON proposals (image_id);
CREATE TABLE job_images (
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    found INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job_id, image_id)) WITHOUT ROWID;
"""

MIGRATIONS = (_FIRST, _LOCKS_AND_JOBS, _REVIEW, _PROPOSALS)
"""Step ``n`` brings a file from version ``n`` to ``n + 1``."""

VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of an open file; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_version(connection: sqlite3.Connection, name: str) -> int:
    """The version, or :class:`ProjectTooNew` when this program does not know it yet."""
    version = version_of(connection)
    if version > VERSION:
        raise ProjectTooNew(
            f"{name} was saved by a newer Maskwright (format {version}; this one reads up to {VERSION}). "
            "Nothing was changed."
        )
    return version


def migrate(connection: sqlite3.Connection, target: int = VERSION) -> None:
    """Bring an open, writable file from its version to ``target``, each step in its own transaction."""
    for version in range(version_of(connection), target):
        script = f"BEGIN IMMEDIATE;{MIGRATIONS[version]}PRAGMA user_version = {version + 1};"
        if version == 0:
            script += f"PRAGMA application_id = {APPLICATION_ID};"
        try:
            connection.executescript(script + "COMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            raise
