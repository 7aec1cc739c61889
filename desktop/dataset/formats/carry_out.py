"""What exports with one or more files for each image have in common: looking first, then writing all or nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from desktop.dataset.formats.contract import (
    COMMON_FIELDS,
    ExportReport,
    OptionField,
    Preflight,
    Problem,
    Progress,
    Source,
    checked_options,
    silent,
)
from desktop.dataset.formats.limits import losses
from desktop.dataset.formats.output import Staging, existing_files, image_files
from desktop.dataset.formats.selection import Chosen, Selection
from desktop.dataset.formats.traits import Trait


@dataclass(frozen=True, slots=True)
class Planned:
    """An export that is worked out but not begun.

    ``files`` are the annotation files, without copied images. ``write_image`` writes those of one image and returns
    what a person should know about them; ``write_rest`` writes those of the whole export, after all images. ``said``
    are traits whose loss is among ``problems`` in words of the format's own.
    """

    selection: Selection
    problems: tuple[Problem, ...]
    files: tuple[str, ...]
    write_image: Callable[[Chosen, Staging], Sequence[Problem]]
    write_rest: Callable[[Staging], None]
    said: frozenset[Trait] = frozenset()


class PerImageExport(ABC):
    """An export format that only says what goes into which file; see :class:`ExportFormat` for the methods."""

    name: str
    title: str
    fields: tuple[OptionField, ...] = COMMON_FIELDS
    keeps: frozenset[Trait]

    @abstractmethod
    def planned(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Planned:
        """Work out the export; ``options`` are checked and complete. Raises :class:`FormatError`."""

    def preflight(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Preflight:
        chosen = checked_options(self.fields, options)
        return preflight(self._complete(source, folder, chosen), folder, chosen)

    def write(
        self, source: Source, folder: Path, options: Mapping[str, Any], progress: Progress = silent
    ) -> ExportReport:
        chosen = checked_options(self.fields, options)
        return carry_out(self._complete(source, folder, chosen), folder, chosen, progress)

    def kept(self, options: Mapping[str, Any]) -> frozenset[Trait]:
        """What survives with these options."""
        return self.keeps

    def _complete(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Planned:
        planned = self.planned(source, folder, options)
        lost = losses(planned.selection, self.kept(options) | planned.said, options.get("overlap", "z-order"))
        return replace(planned, problems=(*planned.problems, *lost))


def preflight(planned: Planned, folder: Path, options: Mapping[str, Any]) -> Preflight:
    """What the export would write to ``folder``; writes nothing."""
    selection = planned.selection
    files = [*planned.files, *image_files(selection.images, options["images"])]
    return Preflight(
        len(selection.images),
        selection.instances,
        len(selection.categories),
        planned.problems,
        tuple(files),
        existing_files(folder, files),
    )


def carry_out(planned: Planned, folder: Path, options: Mapping[str, Any], progress: Progress) -> ExportReport:
    """Write all files or, when it fails or is cancelled, none. Raises :class:`FormatError`."""
    selection, how = planned.selection, options["images"]
    warnings = list(planned.problems)
    files = [*planned.files, *image_files(selection.images, how)]
    with Staging(folder, files, overwrite=options["overwrite"]) as staging:
        for done, item in enumerate(selection.images):
            progress(done / len(selection.images), item.name)
            if how != "leave" and (problem := staging.put_image(item, how)):
                warnings.append(problem)
            warnings += planned.write_image(item, staging)
        planned.write_rest(staging)
        progress(1.0, "")
        written = staging.publish()
    return ExportReport(folder, written, len(selection.images), selection.instances, tuple(warnings))


def stems(selection: Selection) -> dict[int, str]:
    """The name of each image's files without suffix, by image id; with it where a.jpg and a.png would be one file."""
    plain = {item.image.id: str(PurePosixPath(item.name).with_suffix("")) for item in selection.images}
    times = Counter(stem.casefold() for stem in plain.values())
    return {
        item.image.id: item.name if times[plain[item.image.id].casefold()] > 1 else plain[item.image.id]
        for item in selection.images
    }
