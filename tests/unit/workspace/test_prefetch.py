"""The next image is prepared ahead: decoded, then encoded with low urgency."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from desktop.workspace import Workspace
from inference.messages import CacheChanged, Encode
from tests.unit.workspace.fake_worker import FakeWorker


def ahead(worker: FakeWorker) -> list[str]:
    return [request.image.content_hash for request in worker.sent if isinstance(request, Encode) and request.prefetch]


def test_the_next_image_is_encoded_ahead(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: len(ahead(worker)) == 1)
    first = worker.sent[0]
    assert isinstance(first, Encode)
    assert not first.prefetch, "the image at hand comes first"
    browsing.go_next()
    assert ahead(worker)[0] == browsing.engine_image().content_hash  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: len(ahead(worker)) == 2)
    browsing.go_next()
    assert len(set(ahead(worker))) == 2, "there is nothing after the last image"


def test_what_is_in_the_cache_is_not_asked_for_again(
    workspace: Workspace, photos: Path, worker: FakeWorker, qtbot: QtBot
) -> None:
    workspace.open_folder(photos)
    qtbot.waitUntil(lambda: len(ahead(worker)) == 1)
    known = ahead(worker)[0]
    workspace.take_event(CacheChanged(1, 10, 100, frozenset({(workspace.find_with, known)})))
    sent = len(worker.sent)
    workspace.go_next()
    qtbot.waitUntil(lambda: len(ahead(worker)) == 2)
    assert [request for request in worker.sent[sent:] if isinstance(request, Encode) and not request.prefetch] == []


def test_looking_ahead_can_be_switched_off(
    workspace: Workspace, photos: Path, worker: FakeWorker, qtbot: QtBot
) -> None:
    workspace.settings.set("engines.prefetch", False)
    workspace.open_folder(photos)
    qtbot.waitUntil(lambda: workspace.pixels is not None)
    qtbot.wait(100)
    assert ahead(worker) == []
