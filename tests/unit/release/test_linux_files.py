"""The desktop entry, the MIME type and the AppStream metadata agree with the program and with one another."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from desktop.dataset.project_file import SUFFIX
from desktop.dataset.schema import APPLICATION_ID
from desktop.dataset.store import Project
from inference import __version__

LINUX = Path(__file__).parents[3] / "packaging" / "linux"
MIME = "{http://www.freedesktop.org/standards/shared-mime-info}"


@pytest.fixture(scope="module")
def entry() -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(LINUX / "maskwright.desktop", encoding="utf-8")
    return dict(parser["Desktop Entry"])


@pytest.fixture(scope="module")
def metainfo() -> ElementTree.Element:
    return ElementTree.parse(LINUX / "maskwright.metainfo.xml").getroot()


@pytest.fixture(scope="module")
def mime() -> ElementTree.Element:
    found = ElementTree.parse(LINUX / "maskwright.xml").getroot().find(f"{MIME}mime-type")
    assert found is not None
    return found


def words(text: str) -> list[str]:
    return [word for word in text.split(";") if word]


def test_the_entry_has_what_a_desktop_needs(entry: dict[str, str]) -> None:
    assert entry["Type"] == "Application"
    assert entry["Name"] == "Maskwright"
    assert entry["Exec"].split() == ["maskwright", "%F"]
    assert entry["Terminal"] == "false"
    assert all(entry[name].endswith(";") for name in ("Categories", "Keywords", "MimeType"))


@pytest.mark.usefixtures("qapp")
def test_the_window_belongs_to_the_entry(entry: dict[str, str]) -> None:
    from desktop.app import create_application

    application = create_application(["maskwright"])
    assert application.desktopFileName() == (LINUX / "maskwright.desktop").stem == entry["StartupWMClass"]
    assert application.applicationDisplayName() == entry["Name"]


def test_the_metadata_names_this_version_and_the_same_categories(
    metainfo: ElementTree.Element, entry: dict[str, str]
) -> None:
    releases = [release.attrib["version"] for release in metainfo.iter("release")]
    assert releases[0] == __version__
    assert [each.text for each in metainfo.iter("category")] == words(entry["Categories"])
    assert metainfo.findtext("name") == entry["Name"]
    assert metainfo.findtext("launchable") == "maskwright.desktop"
    assert metainfo.findtext("project_license") == "Apache-2.0"


def test_the_type_of_project_files_is_one(
    mime: ElementTree.Element, metainfo: ElementTree.Element, entry: dict[str, str]
) -> None:
    kind = mime.attrib["type"]
    assert words(entry["MimeType"]) == [kind]
    assert metainfo.findtext("provides/mediatype") == kind
    glob = mime.find(f"{MIME}glob")
    assert glob is not None
    assert glob.attrib["pattern"] == f"*{SUFFIX}"


def test_the_magic_is_that_of_a_project_file(mime: ElementTree.Element, tmp_path: Path) -> None:
    with Project.create(tmp_path / "made") as project:
        path = project.path
    header = path.read_bytes()[:100]
    for match in mime.iter(f"{MIME}match"):
        offset, value = int(match.attrib["offset"]), match.attrib["value"]
        expected = int(value, 16).to_bytes(4, "big") if match.attrib["type"] == "big32" else value.encode()
        assert header[offset : offset + len(expected)] == expected
    assert APPLICATION_ID.to_bytes(4, "big") == b"MSKW"


@pytest.mark.skipif(shutil.which("appstreamcli") is None, reason="appstreamcli is not installed")
def test_appstream_accepts_the_metadata() -> None:
    command = ["appstreamcli", "validate", "--no-net", "--pedantic", str(LINUX / "maskwright.metainfo.xml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("update-mime-database") is None, reason="shared-mime-info is not installed")
def test_the_system_takes_the_type(tmp_path: Path) -> None:
    packages = tmp_path / "mime" / "packages"
    packages.mkdir(parents=True)
    shutil.copy(LINUX / "maskwright.xml", packages)
    subprocess.run(["update-mime-database", str(tmp_path / "mime")], check=True, capture_output=True)
    globs = (tmp_path / "mime" / "globs2").read_text(encoding="utf-8")
    assert f"60:application/x-maskwright:*{SUFFIX}" in globs
