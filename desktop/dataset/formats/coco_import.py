"""Import of COCO instances: polygons, RLE plain and compressed, crowds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.dataset.formats.contract import FormatError, ImportPlan, OptionField, Target, checked_options
from desktop.dataset.formats.import_plan import COMMON_FIELDS, plan_of
from desktop.dataset.formats.json_file import read_json_object


class CocoImport:
    """Image, class and instance ids are kept where they are free."""

    name = "coco"
    title = "COCO instances"
    fields = (*COMMON_FIELDS, OptionField("attributes", "Attributes under the key", "attributes"))

    def plan(self, project: Target, path: Path, options: Mapping[str, Any]) -> ImportPlan:
        chosen = checked_options(self.fields, options)
        document = read_json_object(path)
        for key in ("images", "annotations", "categories"):
            if not isinstance(document.get(key), list):
                raise FormatError(f"{path.name} is not COCO instances: it has no list '{key}'.")
        return plan_of(project, path, chosen, document)
