"""Downloads against a server on loopback: each kind of trouble leaves the model folder clean and says so."""

from __future__ import annotations

import errno
import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from inference import weights
from inference.weights import entries, fetching, keeping, places, transfer
from inference.weights.transfer import Control, Damaged, FetchProblem, NetworkTrouble, NoSpace, NotThere, Stopped
from tests.unit.inference.weights_server import OTHER, Behaviour, Server, catalogue_text, eventually, write_tensors

Offer = Callable[[str], None]


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.stop()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MASKWRIGHT_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(places.FOLDER_VARIABLE, str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(transfer, "PAUSE", 0.001)
    return tmp_path / "weights"


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    return write_tensors(tmp_path / "made" / "toy.pth").read_bytes()


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Offer]:
    """Add entries to the catalogue, as an installed package would."""

    def add(text: str) -> None:
        point = SimpleNamespace(name="toys", value="toys:weights", load=lambda: lambda: text)
        monkeypatch.setattr(entries, "entry_points", lambda group: [point])
        entries.catalogue.cache_clear()

    yield add
    entries.catalogue.cache_clear()


@pytest.fixture
def toy(server: Server, data: bytes, offer: Offer, root: Path) -> Behaviour:
    offer(catalogue_text(server.address, data))
    server.paths["/toy.pth"] = Behaviour(data)
    return server.paths["/toy.pth"]


def entry(name: str = "toy-one") -> weights.Entry:
    return weights.catalogue().entry(name)


def files_of(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_a_download_is_checked_published_and_found(toy: Behaviour, root: Path) -> None:
    said: list[fetching.Progress] = []
    found = fetching.fetch(entry(), report=said.append)
    assert found.path == root / "toy-one" / "toy.pth"
    assert found.path.read_bytes() == toy.data
    assert files_of(root) == ["toy-one", "toy-one/maskwright.json", "toy-one/toy.pth"]
    assert said[-1].done == said[-1].total == len(toy.data)
    assert weights.locate("toy").path == found.path
    assert [check.text for check in keeping.verify(found)] == ["as published"]


def test_a_cut_connection_is_taken_up_where_it_broke(toy: Behaviour, server: Server, root: Path) -> None:
    toy.cuts = [5000, 3000]
    assert fetching.fetch(entry()).path.read_bytes() == toy.data
    ranges = [asked for method, _, asked in server.asked if method == "GET"]
    assert ranges == ["", "bytes=5000-", "bytes=8000-"]
    assert server.served == len(toy.data)


def test_what_arrived_before_the_network_broke_is_kept_for_the_next_try(
    toy: Behaviour, server: Server, root: Path
) -> None:
    toy.cuts = [6000, 0, 0, 0, 0]
    with pytest.raises(NetworkTrouble) as caught:
        fetching.fetch(entry())
    assert "127.0.0.1 cannot be reached" in str(caught.value)
    assert "6.0 kB that arrived are kept; try again to go on." in str(caught.value)
    assert "maskwright weights add" in str(caught.value)
    assert weights.find("toy-one") is None
    toy.cuts = []
    assert fetching.fetch(entry()).path.read_bytes() == toy.data
    assert server.asked[-1][2] == "bytes=6000-"


def test_a_server_without_ranges_starts_anew(toy: Behaviour, root: Path) -> None:
    toy.cuts, toy.ranges = [5000], False
    assert fetching.fetch(entry()).path.read_bytes() == toy.data


def test_corrupt_bytes_are_deleted(toy: Behaviour, root: Path) -> None:
    toy.damage = True
    with pytest.raises(
        Damaged, match=r"toy\.pth arrived damaged \(its checksum .*It was deleted\. The model folder is"
    ):
        fetching.fetch(entry())
    assert files_of(root) == []


def test_another_file_at_the_address_is_not_published(
    server: Server, data: bytes, offer: Offer, root: Path, tmp_path: Path
) -> None:
    offer(catalogue_text(server.address, data, checked=False))
    for content in (write_tensors(tmp_path / "other.pth", OTHER).read_bytes(), b"<html>Log in to this network</html>"):
        server.paths["/toy.pth"] = Behaviour(content)
        with pytest.raises(Damaged, match="deleted"):
            fetching.fetch(entry())
        assert files_of(root) == []


@pytest.mark.parametrize(("status", "words"), [(404, "does not have this file any more"), (403, "does not give out")])
def test_a_file_that_is_gone(toy: Behaviour, root: Path, status: int, words: str) -> None:
    toy.status = status
    with pytest.raises(NotThere, match=words):
        fetching.fetch(entry())
    assert files_of(root) == []


def test_an_unreachable_server_is_said_in_words(server: Server, data: bytes, offer: Offer, root: Path) -> None:
    offer(catalogue_text("http://127.0.0.1:9", data))
    with pytest.raises(
        NetworkTrouble, match=r"127\.0\.0\.1 cannot be reached \(.*\)\. Nothing was changed\. Without a"
    ):
        fetching.fetch(entry())
    assert files_of(root) == []


def test_a_slow_download_reports_and_can_be_cancelled(toy: Behaviour, root: Path) -> None:
    toy.block_pause = 0.05
    control = Control()
    said: list[int] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            fetching.fetch(entry(), control, lambda progress: said.append(progress.done))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert eventually(lambda: bool(said) and 0 < said[-1] < len(toy.data))
    control.cancel()
    thread.join(5)
    assert isinstance(raised[0], Stopped)
    assert files_of(root) == []


def test_a_paused_download_goes_on(toy: Behaviour, server: Server, root: Path) -> None:
    control = Control()

    def pause(progress: fetching.Progress) -> None:
        if progress.done > 0:
            control.pause()

    toy.block_pause = 0.01
    with pytest.raises(Stopped) as caught:
        fetching.fetch(entry(), control, pause)
    assert caught.value.keep
    kept = fetching.partial_bytes(entry())
    assert 0 < kept < len(toy.data)
    assert weights.find("toy-one") is None
    fetching.fetch(entry())
    assert server.asked[-1][2] == f"bytes={kept}-"
    assert ".partial" not in files_of(root)


def test_a_full_disk_is_noticed_before_writing(toy: Behaviour, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(NoSpace, match=r"No space left on the disk: Toy one needs .* 1\.0 kB are free\. Nothing was"):
        fetching.fetch(entry())
    assert files_of(root) == []


def test_a_disk_that_fills_up_while_writing(toy: Behaviour, root: Path) -> None:
    toy.cuts = [5000]

    def fill(progress: fetching.Progress) -> None:
        if progress.done > 4000:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoSpace, match=r"No space left on the disk after \d+ bytes of toy\.pth\. Nothing was changed\."):
        fetching.fetch(entry(), report=fill)
    assert files_of(root) == []


def test_a_folder_that_cannot_be_written(toy: Behaviour, root: Path) -> None:
    root.write_text("a file where the folder should be")
    with pytest.raises(FetchProblem, match="cannot be written"):
        fetching.fetch(entry())


def test_offline_asks_nobody(toy: Behaviour, server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_OFFLINE", "1")
    with pytest.raises(fetching.Offline, match="MASKWRIGHT_OFFLINE is set: nothing is downloaded"):
        fetching.fetch(entry())
    assert server.asked == []
    assert not root.exists()


def test_one_download_of_the_same_weights_at_a_time(toy: Behaviour, root: Path) -> None:
    toy.block_pause = 0.02
    started = threading.Event()
    thread = threading.Thread(target=lambda: fetching.fetch(entry(), report=lambda progress: started.set()))
    thread.start()
    assert started.wait(5)
    with pytest.raises(fetching.Busy, match="Toy one is being downloaded by another Maskwright"):
        fetching.fetch(entry())
    thread.join(10)
    assert weights.find("toy-one") is not None


@pytest.fixture
def hub(server: Server, data: bytes, toy: Behaviour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """A repository that has the older of two forms of a file, and none of the optional ones."""
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    config = b'{"layers": 2}'
    git = hashlib.sha1(b"blob %d\0" % len(config) + config, usedforsecurity=False).hexdigest()
    server.paths["/people/toy/resolve/main/net/model.bin"] = Behaviour(data, hub_tag=hashlib.sha256(data).hexdigest())
    server.paths["/people/toy/resolve/main/config.json"] = Behaviour(config, hub_tag=git)
    return server


def test_a_repository_of_the_hub_becomes_a_folder(hub: Server, root: Path) -> None:
    found = fetching.fetch(entry("toy-hub"))
    assert found.path == root / "toy-hub"
    assert {path: file.name for path, file in found.files.items()} == {
        "net/model.safetensors": "model.bin",
        "config.json": "config.json",
    }
    assert [check.text for check in keeping.verify(found)] == ["as downloaded", "as downloaded"]


@pytest.mark.parametrize("path", ["net/model.bin", "config.json"])
def test_the_hubs_checksums_are_compared(hub: Server, root: Path, path: str) -> None:
    behaviour = hub.paths[f"/people/toy/resolve/main/{path}"]
    behaviour.data = behaviour.data.replace(b"2", b"3") if path == "config.json" else behaviour.data[:-1] + b"?"
    with pytest.raises(Damaged, match="checksum"):
        fetching.fetch(entry("toy-hub"))
    assert weights.find("toy-hub") is None
    assert not (root / "toy-hub").exists()


def test_companions_are_fetched_along(hub: Server, root: Path) -> None:
    assert [each.name for each in fetching.missing_entries("toy")] == ["toy-one", "toy-hub"]
    for each in fetching.missing_entries("toy"):
        fetching.fetch(each)
    assert fetching.missing_entries("toy") == ()
    (root / "toy-one" / "toy.pth").rename(root / "own.pth")
    assert fetching.missing_entries("toy") == (), "whatever its name is"


def test_a_repository_that_is_gone(hub: Server, root: Path) -> None:
    del hub.paths["/people/toy/resolve/main/config.json"]
    with pytest.raises(NotThere, match=r"people/toy does not have config\.json any more"):
        fetching.fetch(entry("toy-hub"))
    assert files_of(root) == []


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (
            403,
            "GatedRepo",
            r"Toy hub is given out to people with an account only: .*`hf auth login`\. Nothing was changed",
        ),
        (401, "RepoNotFound", r"does not have people/toy any more, or asks for an account\. Nothing was changed"),
        (500, "", r"127\.0\.0\.1 answered 500 Internal Server Error\. Nothing was changed\. Without"),
    ],
)
def test_a_hub_that_refuses_is_said_in_words(hub: Server, root: Path, status: int, error: str, words: str) -> None:
    for path in ("net/model.safetensors", "net/model.bin"):
        hub.paths[f"/people/toy/resolve/main/{path}"] = Behaviour(b"", status=status, hub_error=error)
    with pytest.raises(FetchProblem, match=words):
        fetching.fetch(entry("toy-hub"))
    assert files_of(root) == []


def test_a_token_is_sent_to_the_hub_but_not_along_to_another_host(
    hub: Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    elsewhere = Server()
    try:
        path = "/people/toy/resolve/main/net/model.bin"
        elsewhere.paths["/file"] = Behaviour(hub.paths[path].data)
        hub.paths[path].redirect = f"{elsewhere.address}/file"
        fetching.fetch(entry("toy-hub"))
    finally:
        elsewhere.stop()
    assert "Bearer hf_secret" in hub.tokens
    assert elsewhere.tokens == {""}
