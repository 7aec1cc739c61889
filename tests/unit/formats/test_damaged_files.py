"""Damaged files of every format: a plan that is right in itself, or one sentence; no crash, no half, no stray file."""

from __future__ import annotations

import resource
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from desktop.dataset.formats.contract import FormatError, ImportPlan
from desktop.dataset.formats.registry import IMPORTS, export_format, import_format
from desktop.dataset.model import Category, Image, Instance, Kind, Provenance
from tests.unit.formats.conftest import HEIGHT, WIDTH, block
from tests.unit.formats.damage import TOKENS, damaged, png_header
from tests.unit.formats.project_strategy import Drawn, MemoryProject
from tests.unit.formats.test_round_trips import SOURCE, files_of

SECONDS = 5.0
"""CPU time that any of these small files may take; the slowest seen took a tenth of it."""

IMAGES = (Image(1, "photos/사진.png", 0, WIDTH, HEIGHT), Image(2, "b.png", 0, WIDTH, HEIGHT))
DRAWN = Drawn(
    IMAGES,
    (Category(3, "car", "#ff0000", position=0), Category(8, "sky", "#00ff00", Kind.STUFF, "outdoor", 1)),
    (
        Instance(10, 1, block(0, 0, 10, 10), 3, {"colour": "red"}, provenance=Provenance(score=0.5)),
        Instance(12, 1, block(5, 5, 30, 30, (10, 10, 12, 12)), 8, z_order=1),
        Instance(15, 2, block(0, 20, 30, 38).union(block(40, 0, 50, 9)), 3, is_crowd=True),
    ),
)


class Bench:
    """A valid export of each format, to be damaged; and a project without instances that reads it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for image in IMAGES:
            (home / image.path).parent.mkdir(parents=True, exist_ok=True)
            PillowImage.new("L", (WIDTH, HEIGHT)).save(home / image.path)
        self.exports: dict[str, dict[str, bytes]] = {}
        for known in IMPORTS:
            options = {"shapes": "polygons"} if known.name == "datumaro" else {}
            export_format(known.name).write(MemoryProject(home, DRAWN), home / "out", options)
            self.exports[known.name] = files_of(home / "out")
            shutil.rmtree(home / "out")

    def project(self) -> MemoryProject:
        return MemoryProject(self.home, Drawn(IMAGES, (Category(3, "car", "#ff0000"),), ()))

    def read(
        self, name: str, files: dict[str, bytes | None], options: dict[str, Any] | None = None
    ) -> ImportPlan | None:
        """The plan, or None when the file was refused; everything that must hold of either is checked here."""
        project = self.project()
        before = (project.images(), project.categories(), project.instances(1), project.instances(2))
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            for file, content in files.items():
                path = Path(folder) / "in" / file
                path.parent.mkdir(parents=True, exist_ok=True)
                if content is not None:
                    path.write_bytes(content)
            there = files_of(self.home)
            started = time.process_time()
            plan = None
            try:
                plan = import_format(name).plan(project, Path(folder) / "in" / SOURCE.get(name, ""), options or {})
            except FormatError as error:
                sentence = str(error)
                assert sentence.endswith(".")
                assert "\n" not in sentence.strip()
                assert len(sentence) < 1000
            assert time.process_time() - started < SECONDS
            assert files_of(self.home) == there
        assert (project.images(), project.categories(), project.instances(1), project.instances(2)) == before
        if plan is not None:
            self._check(plan, project)
        return plan

    def _check(self, plan: ImportPlan, project: MemoryProject) -> None:
        project.apply(*plan.changes)  # its references are checked there
        made = [i for image in project.images() for i in project.instances(image.id)]
        assert len(made) == plan.instances
        for image in project.images():
            assert (self.home / image.path).resolve().is_relative_to(self.home.resolve())
        for instance in made:
            assert not instance.mask.is_empty
            assert abs(instance.z_order) < 2**31
            assert 0 < instance.id < 2**53
            "".join([*instance.attributes, *instance.attributes.values()]).encode("utf-8")
        for category in project.categories():
            assert category.name.strip()
            assert category.name.encode("utf-8")
            assert len(bytes.fromhex(category.colour[1:])) == 3


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        yield Bench(Path(folder) / "project")


@pytest.mark.parametrize("name", [known.name for known in IMPORTS])
def test_the_undamaged_export_is_read_whole(bench: Bench, name: str) -> None:
    plan = bench.read(name, dict(bench.exports[name]))
    assert plan is not None
    assert plan.rejected == ()
    assert plan.instances == (2 if name == "voc" else 3)  # VOC has no crowds


@pytest.mark.parametrize("name", [known.name for known in IMPORTS])
def test_reading_is_told_and_can_be_stopped(bench: Bench, name: str, tmp_path: Path) -> None:
    for file, content in bench.exports[name].items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    told: list[float] = []
    source = tmp_path / SOURCE.get(name, "")
    import_format(name).plan(bench.project(), source, {}, lambda fraction, _file: told.append(fraction))
    assert told
    assert all(0 <= fraction <= 1 for fraction in told)

    class Stopped(Exception):
        pass

    def stop(_fraction: float, _file: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        import_format(name).plan(bench.project(), source, {}, stop)


@pytest.mark.parametrize("name", [known.name for known in IMPORTS])
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_exports(bench: Bench, name: str, data: st.DataObject) -> None:
    files: dict[str, bytes | None] = dict(bench.exports[name])
    for file in data.draw(st.lists(st.sampled_from(sorted(files)), min_size=1, max_size=2, unique=True)):
        content = files[file]
        assert content is not None
        files[file] = data.draw(damaged(file, content))
    options = data.draw(st.sampled_from([{}, {"unknown_classes": "skip"}, {"boxes": "fill"}]))
    allowed = {field.name for field in import_format(name).fields}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        bench.read(name, files, {key: value for key, value in options.items() if key in allowed})


@pytest.mark.parametrize("name", [known.name for known in IMPORTS])
@pytest.mark.parametrize("size", [(13_000, 13_000), (2**31 - 1, 2**31 - 1), (0, 0)])
def test_pngs_that_claim_to_be_huge_are_never_unpacked(bench: Bench, name: str, size: tuple[int, int]) -> None:
    pngs = {
        file: png_header(*size) if file.endswith(".png") else content for file, content in bench.exports[name].items()
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bench.read(name, dict(pngs))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes; unpacked it would be more


@pytest.mark.parametrize("name", [known.name for known in IMPORTS])
def test_folders_where_files_should_be_and_nothing_at_all(bench: Bench, name: str, tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.mkdir()
    for path in (missing, missing / "x.json", empty, tmp_path / ("x" * 300)):
        with pytest.raises(FormatError):
            import_format(name).plan(bench.project(), path, {})


@pytest.mark.parametrize("token", TOKENS)
def test_every_strange_text_as_a_class_name_of_yolo(bench: Bench, token: str) -> None:
    files = dict(bench.exports["yolo"])
    files["data.yaml"] = f"names:\n  0: {token}\n  1: sky\n".encode()
    bench.read("yolo", dict(files))
