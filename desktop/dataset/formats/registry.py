"""The formats by name. A new format is one module with an export or import class, and one line here."""

from __future__ import annotations

from typing import TypeVar

from desktop.dataset.formats.coco import CocoExport
from desktop.dataset.formats.coco_import import CocoImport
from desktop.dataset.formats.contract import ExportFormat, FormatError, ImportFormat
from desktop.dataset.formats.datumaro import DatumaroExport
from desktop.dataset.formats.datumaro_import import DatumaroImport
from desktop.dataset.formats.index_maps_import import MaskPngImport, VocImport
from desktop.dataset.formats.labelme import LabelmeExport
from desktop.dataset.formats.labelme_import import LabelmeImport
from desktop.dataset.formats.mask_png import MaskPngExport
from desktop.dataset.formats.panoptic import PanopticExport
from desktop.dataset.formats.panoptic_import import PanopticImport
from desktop.dataset.formats.voc import VocExport
from desktop.dataset.formats.yolo import YoloExport
from desktop.dataset.formats.yolo_import import YoloImport

EXPORTS: tuple[ExportFormat, ...] = (
    CocoExport(),
    PanopticExport(),
    MaskPngExport(),
    YoloExport(),
    LabelmeExport(),
    VocExport(),
    DatumaroExport(),
)
IMPORTS: tuple[ImportFormat, ...] = (
    CocoImport(),
    PanopticImport(),
    MaskPngImport(),
    YoloImport(),
    LabelmeImport(),
    VocImport(),
    DatumaroImport(),
)

_Format = TypeVar("_Format", ExportFormat, ImportFormat)


def export_format(name: str) -> ExportFormat:
    """Raises :class:`FormatError` for a name that no export has."""
    return _named(EXPORTS, name, "exported")


def import_format(name: str) -> ImportFormat:
    """Raises :class:`FormatError` for a name that no import has."""
    return _named(IMPORTS, name, "imported")


def _named(formats: tuple[_Format, ...], name: str, done: str) -> _Format:
    for known in formats:
        if known.name == name:
            return known
    raise FormatError(f"'{name}' cannot be {done}; the formats are: {', '.join(f.name for f in formats)}.")
