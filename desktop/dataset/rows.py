"""Values to table rows and back: the only place with SQL about images, classes and instances."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import singledispatch
from typing import Any

from desktop.dataset import changes as c
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Comment, Image, ImageState, Instance, Kind, Provenance, ReviewState
from desktop.dataset.prompt_json import count_prompts

Row = tuple[Any, ...]

_IMAGE = "id, path, page, width, height, orientation, content_hash, state, comments, error, editor, changed"
_CATEGORY = "id, name, colour, kind, parent, position, locked"
_MASK = "width, height, counts, area, x0, y0, x1, y1"
_INSTANCE = (
    f"id, image_id, category_id, {_MASK}, attributes, is_crowd, z_order, review, comments, locked, "
    "reviewer, reviewed, source, version, fingerprint, score, seed, created, edited, author, editor, suggested, "
    "seconds, mask_edits"
)
_SELECT_INSTANCE = (
    f"SELECT {_INSTANCE.replace(' counts', ' instances.counts')}, ifnull(prompts, ''), found_masks.counts "
    "FROM instances LEFT JOIN prompt_history ON prompt_history.instance_id = instances.id "
    "LEFT JOIN found_masks ON found_masks.instance_id = instances.id"
)


def _upsert(table: str, columns: str) -> str:
    names = columns.split(", ")
    updates = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT ({names[0]}) DO UPDATE SET {updates}"


_PUT_IMAGE = _upsert("images", _IMAGE)
_PUT_CATEGORY = _upsert("categories", _CATEGORY)
_PUT_INSTANCE = _upsert("instances", f"{_INSTANCE}, prompt_count")
_PUT_FOUND = _upsert("found_masks", "instance_id, counts")
_PUT_PROMPTS = _upsert("prompt_history", "instance_id, prompts")
_PUT_REFERENCE = _upsert('"references"', f"id, name, image_id, {_MASK}, created")
_PROPOSAL = f"id, image_id, {_MASK}, label, score, is_thing, engine, fingerprint, prompts, seed"
_PUT_PROPOSAL = _upsert("proposals", _PROPOSAL)
_PUT_JOB = _upsert("jobs", "id, kind, state, request, progress, created")

# reading


def read_images(connection: sqlite3.Connection) -> dict[int, Image]:
    """All images by id, in the order of their ids."""
    rows = connection.execute(f"SELECT {_IMAGE} FROM images ORDER BY id")
    states = {state.value: state for state in ImageState}
    return {
        i: Image(i, path, page, width, height, turn, digest, states[state], _comments(said), error, editor, changed)
        for i, path, page, width, height, turn, digest, state, said, error, editor, changed in rows
    }


def read_categories(connection: sqlite3.Connection) -> dict[int, Category]:
    """All classes by id."""
    rows = connection.execute(f"SELECT {_CATEGORY} FROM categories ORDER BY position, id")
    return {row[0]: Category(row[0], row[1], row[2], Kind(row[3]), row[4], row[5], bool(row[6])) for row in rows}


def read_settings(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM settings").fetchall())


def read_text_prompts(connection: sqlite3.Connection) -> dict[tuple[str, bool], c.TextPrompt]:
    """The text-prompt history, latest last."""
    rows = connection.execute("SELECT text, positive, used, times FROM text_prompts ORDER BY used, rowid")
    return {(text, bool(sign)): c.TextPrompt(text, bool(sign), used, times) for text, sign, used, times in rows}


def read_references(connection: sqlite3.Connection) -> dict[int, c.StoredReference]:
    rows = connection.execute(f'SELECT id, name, image_id, created, {_MASK} FROM "references" ORDER BY id')
    return {row[0]: c.StoredReference(row[0], row[1], row[2], _mask(row[4:12]), row[3]) for row in rows}


def read_jobs(connection: sqlite3.Connection) -> dict[int, c.Job]:
    rows = connection.execute("SELECT id, kind, state, request, progress, created FROM jobs ORDER BY id")
    return {row[0]: c.Job(*row) for row in rows}


def read_proposals(connection: sqlite3.Connection, image_id: int) -> Iterator[c.StoredProposal]:
    """The proposals of one image by id."""
    for row in connection.execute(f"SELECT {_PROPOSAL} FROM proposals WHERE image_id = ? ORDER BY id", (image_id,)):
        label, score, is_thing, engine, fingerprint, prompts, seed = row[10:]
        yield c.StoredProposal(
            row[0], row[1], _mask(row[2:10]), label, score, bool(is_thing), engine, fingerprint, prompts, seed
        )


def read_proposal_counts(connection: sqlite3.Connection, without: Iterable[int] = ()) -> dict[int, int]:
    """The number of waiting proposals per image that has any, but some."""
    query = (
        "SELECT image_id, count(*) FROM proposals WHERE id NOT IN (SELECT value FROM json_each(?)) GROUP BY image_id"
    )
    return dict(connection.execute(query, (json.dumps(list(without)),)).fetchall())


def read_proposal_images(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, int]:
    """The image of each of the proposals that is in the file."""
    query = "SELECT id, image_id FROM proposals WHERE id IN (SELECT value FROM json_each(?))"
    return dict(connection.execute(query, (json.dumps(list(ids)),)).fetchall())


def read_done(connection: sqlite3.Connection, job_id: int) -> dict[int, c.MarkDone]:
    """What a job said about the images that it is through with, by image id."""
    rows = connection.execute("SELECT image_id, found, error FROM job_images WHERE job_id = ?", (job_id,))
    return {image_id: c.MarkDone(job_id, image_id, found, error) for image_id, found, error in rows}


def read_instances(
    connection: sqlite3.Connection, where: str = "", parameters: Sequence[Any] = ()
) -> Iterator[Instance]:
    """Instances that meet a condition on the columns of ``instances``, in the order of their images and ids."""
    condition = f" WHERE {where}" if where else ""
    for row in connection.execute(f"{_SELECT_INSTANCE}{condition} ORDER BY image_id, id", parameters):
        yield _instance(row)


def read_places(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, tuple[int, int | None]]:
    """The image and class of instances, for those of the ids that are in the file."""
    query = "SELECT id, image_id, category_id FROM instances WHERE id IN (SELECT value FROM json_each(?))"
    return {row[0]: (row[1], row[2]) for row in connection.execute(query, (json.dumps(list(ids)),))}


def read_counts(connection: sqlite3.Connection) -> dict[tuple[int, int | None], int]:
    """The number of instances per (image, class)."""
    rows = connection.execute("SELECT image_id, category_id, count(*) FROM instances GROUP BY image_id, category_id")
    return {(row[0], row[1]): row[2] for row in rows}


def read_lowest_scores(
    connection: sqlite3.Connection, without: Iterable[int] = (), without_proposals: Iterable[int] = ()
) -> dict[int, float]:
    """The lowest score per image among proposals and the doubtful instances but some; answered by indices alone."""
    left_out, decided = json.dumps(list(without)), json.dumps(list(without_proposals))
    doubtful = (
        "SELECT image_id, score FROM instances INDEXED BY instances_by_doubt "
        "WHERE score IS NOT NULL AND mask_edits = 0 AND review IN ('draft', 'done')"
    )
    if left_out != "[]":
        doubtful += " AND id NOT IN (SELECT value FROM json_each(:without))"
    proposed = "SELECT image_id, score FROM proposals"
    if decided != "[]":
        proposed += " WHERE id NOT IN (SELECT value FROM json_each(:decided))"
    every = f"{doubtful} UNION ALL {proposed}"
    query = f"SELECT image_id, min(score) FROM ({every}) GROUP BY image_id"
    return dict(connection.execute(query, {"without": left_out, "decided": decided}).fetchall())


def last_ids(connection: sqlite3.Connection) -> dict[str, int]:
    """The highest id that each table ever had."""
    return dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())


def _mask(row: Sequence[Any]) -> Mask:
    width, height, counts, area, x0, y0, x1, y1 = row
    return Mask.stored(counts, width, height, area, (x0, y0, x1, y1))


def _mask_row(mask: Mask) -> Row:
    return (mask.width, mask.height, mask.counts, mask.area, *mask.bbox)


def _comments(text: str) -> tuple[Comment, ...]:
    return tuple(Comment(**each) for each in json.loads(text)) if text else ()


def _comments_text(comments: Sequence[Comment]) -> str:
    return json.dumps([asdict(each) for each in comments], ensure_ascii=False) if comments else ""


_REVIEW = {state.value: state for state in ReviewState}


def _instance(row: Row) -> Instance:
    mask = _mask(row[3:11])
    source, version, fingerprint, score, seed, created, edited, author, *more, prompts, found = row[19:33]
    return Instance(
        id=row[0],
        image_id=row[1],
        category_id=row[2],
        mask=mask,
        attributes={} if row[11] == "{}" else json.loads(row[11]),
        is_crowd=bool(row[12]),
        z_order=row[13],
        review=_REVIEW[row[14]],
        comments=_comments(row[15]),
        locked=bool(row[16]),
        reviewer=row[17],
        reviewed=row[18],
        provenance=Provenance(source, version, fingerprint, prompts, score, seed, created, edited, author, *more),
        found=Mask.from_rle({"size": [mask.height, mask.width], "counts": found}) if found is not None else None,
    )


def _instance_row(instance: Instance) -> Row:
    made = instance.provenance
    attributes = json.dumps(dict(instance.attributes), ensure_ascii=False) if instance.attributes else "{}"
    return (
        *(instance.id, instance.image_id, instance.category_id, *_mask_row(instance.mask)),
        *(attributes, instance.is_crowd, instance.z_order, instance.review.value, _comments_text(instance.comments)),
        *(instance.locked, instance.reviewer, instance.reviewed),
        *(made.source, made.version, made.fingerprint, made.score, made.seed, made.created, made.edited, made.author),
        *(made.editor, made.suggested, made.seconds, made.mask_edits, count_prompts(made.prompts)),
    )


# writing


@singledispatch
def write(change: c.Change, connection: sqlite3.Connection) -> None:
    """Write one change inside the transaction that is open."""
    raise TypeError(f"{type(change).__name__} is not a change")


@write.register(c.AddImages)
@write.register(c.ReplaceImages)
def _(change: c.AddImages | c.ReplaceImages, connection: sqlite3.Connection) -> None:
    rows = (
        (
            *(i.id, i.path, i.page, i.width, i.height, i.orientation, i.content_hash, i.state.value),
            *(_comments_text(i.comments), i.error, i.editor, i.changed),
        )
        for i in change.images
    )
    connection.executemany(_PUT_IMAGE, rows)


@write.register
def _(change: c.DeleteImages, connection: sqlite3.Connection) -> None:
    connection.executemany("DELETE FROM images WHERE id = ?", [(i,) for i in change.image_ids])


@write.register(c.AddInstances)
@write.register(c.ReplaceInstances)
def _(change: c.AddInstances | c.ReplaceInstances, connection: sqlite3.Connection) -> None:
    connection.executemany(_PUT_INSTANCE, map(_instance_row, change.instances))
    prompted = [(i.id, i.provenance.prompts) for i in change.instances if i.provenance.prompts]
    connection.executemany(_PUT_PROMPTS, prompted)
    connection.executemany(_PUT_FOUND, [(i.id, i.found.counts) for i in change.instances if i.found is not None])
    if isinstance(change, c.ReplaceInstances):
        plain = [(i.id,) for i in change.instances if not i.provenance.prompts]
        connection.executemany("DELETE FROM prompt_history WHERE instance_id = ?", plain)
        same = [(i.id,) for i in change.instances if i.found is None]
        connection.executemany("DELETE FROM found_masks WHERE instance_id = ?", same)


@write.register
def _(change: c.DeleteInstances, connection: sqlite3.Connection) -> None:
    connection.executemany("DELETE FROM instances WHERE id = ?", [(i,) for i in change.instance_ids])


@write.register(c.AddCategories)
@write.register(c.ReplaceCategory)
def _(change: c.AddCategories | c.ReplaceCategory, connection: sqlite3.Connection) -> None:
    categories = change.categories if isinstance(change, c.AddCategories) else (change.category,)
    rows = ((k.id, k.name, k.colour, k.kind.value, k.parent, k.position, k.locked) for k in categories)
    connection.executemany(_PUT_CATEGORY, rows)


@write.register
def _(change: c.DeleteCategory, connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM categories WHERE id = ?", (change.category_id,))


@write.register
def _(change: c.AddTextPrompt, connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO text_prompts (text, positive, used) VALUES (?, ?, ?) "
        "ON CONFLICT (text, positive) DO UPDATE SET used = excluded.used, times = times + 1",
        (change.text, change.positive, change.used),
    )


@write.register
def _(change: c.ClearTextPrompts, connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM text_prompts")


@write.register
def _(change: c.PutReference, connection: sqlite3.Connection) -> None:
    kept = change.reference
    connection.execute(_PUT_REFERENCE, (kept.id, kept.name, kept.image_id, *_mask_row(kept.mask), kept.created))


@write.register
def _(change: c.DeleteReference, connection: sqlite3.Connection) -> None:
    connection.execute('DELETE FROM "references" WHERE id = ?', (change.reference_id,))


@write.register
def _(change: c.PutJob, connection: sqlite3.Connection) -> None:
    job = change.job
    connection.execute(_PUT_JOB, (job.id, job.kind, job.state, job.request, job.progress, job.created))


@write.register
def _(change: c.DeleteJob, connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM jobs WHERE id = ?", (change.job_id,))


@write.register
def _(change: c.AddProposals, connection: sqlite3.Connection) -> None:
    rows = (
        (p.id, p.image_id, *_mask_row(p.mask), p.label, p.score, p.is_thing, p.engine, p.fingerprint, p.prompts, p.seed)
        for p in change.proposals
    )
    connection.executemany(_PUT_PROPOSAL, rows)


@write.register
def _(change: c.DeleteProposals, connection: sqlite3.Connection) -> None:
    connection.executemany("DELETE FROM proposals WHERE id = ?", [(i,) for i in change.proposal_ids])


@write.register
def _(change: c.MarkDone, connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO job_images (job_id, image_id, found, error) VALUES (?, ?, ?, ?)",
        (change.job_id, change.image_id, change.found, change.error),
    )


@write.register
def _(change: c.PutSetting, connection: sqlite3.Connection) -> None:
    if change.value is None:
        connection.execute("DELETE FROM settings WHERE key = ?", (change.key,))
    else:
        connection.execute(_upsert("settings", "key, value"), (change.key, change.value))
