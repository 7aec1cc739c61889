"""Which format a file or folder is in, by a look at it: what a person drops on the window."""

from __future__ import annotations

import re
from pathlib import Path

from desktop.dataset.formats.datumaro import ANNOTATIONS
from desktop.dataset.formats.file_values import is_file, is_folder
from desktop.dataset.formats.voc import CLASS_PNGS, LABEL_MAP
from desktop.dataset.formats.yolo import DATA

_LOOK = 1 << 18
"""So many bytes at both ends of a JSON file are looked at: data sets of gigabytes are recognised at once."""

_KEYS = (
    ("coco-panoptic", (b"segments_info",)),
    ("labelme", (b"shapes", b"imagePath")),
    ("datumaro", (b"items", b"categories")),
    ("coco", (b"annotations", b"images")),
)
_FOLDERS = (
    ("yolo", DATA),
    ("mask-png", "classes.csv"),
    ("voc", CLASS_PNGS),
    ("datumaro", ANNOTATIONS),
)
"""What is in a folder of the format."""


def recognised(path: Path) -> str | None:
    """The name of the import format, or None for what is no annotation; nothing is checked beyond the first look."""
    if is_folder(path):
        return next((name for name, inside in _FOLDERS if (path / inside).exists()), None)
    if path.name in (LABEL_MAP, "classes.csv"):
        return "voc" if path.name == LABEL_MAP else "mask-png"
    if path.suffix.lower() in (".yaml", ".yml"):
        return "yolo"
    if path.suffix.lower() != ".json" or not is_file(path):
        return None
    try:
        with path.open("rb") as file:
            seen = file.read(_LOOK)
            file.seek(max(path.stat().st_size - _LOOK, 0))
            seen += file.read(_LOOK)
    except OSError:
        return None
    keys = set(re.findall(rb'"(\w+)"\s*:', seen))
    return next((name for name, needed in _KEYS if keys.issuperset(needed)), None)
