"""Copy, cut, paste and duplicate: across images and projects, always at the same place (ux.md §7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance
from desktop.workspace.nudging import Nudging

_clipboard: list[tuple[Instance, str]] = []
"""What was copied, each with the name of its class: another project has other class ids."""


class Clipboard(Nudging):
    """See :class:`desktop.workspace.Workspace`."""

    def copy_selected(self) -> None:
        """Remember the selection; it can be pasted into any image, at the same place."""
        self._remember([self._instances[i] for i in self._selection if i in self._instances])

    def cut_selected(self) -> None:
        """Copy the selection and delete it; what is locked stays, and is not copied."""
        self._remember(self.selected())
        self.delete_selected()

    def _remember(self, instances: list[Instance]) -> None:
        if instances:
            _clipboard[:] = [(i, self.class_name(i.category_id)) for i in instances]
        self.notice(self.tr("{n} copied.").format(n=len(instances)))

    def has_clipboard(self) -> bool:
        return bool(_clipboard)

    def paste(self) -> None:
        self._place_copies(self.tr("Paste"), list(_clipboard))

    def duplicate_selected(self) -> None:
        self._add_copies(self.tr("Duplicate"), self.selected())

    def _add_copies(self, name: str, originals: Iterable[Instance]) -> None:
        """Copy instances of this project into the current image."""
        self._place_copies(name, [(i, self.class_name(i.category_id)) for i in originals])

    def _place_copies(self, name: str, originals: list[tuple[Instance, str]]) -> None:
        reason = self.editable()
        if reason or self._image is None:
            self.notice(reason)
            return
        if not originals or not self._ready_to_change():
            return
        width, height = self.image_size
        front = max((i.z_order for i in self._instances.values()), default=-1) + 1
        copies: list[Instance] = []
        clipped = outside = 0
        unknown: set[str] = set()
        for original, class_name in originals:
            mask = _placed(original.mask, width, height)
            if mask.is_empty:
                outside += 1
                continue
            clipped += mask.area < original.mask.area
            category_id = self._same_class(original.category_id, class_name)
            if category_id is None and original.category_id is not None:
                unknown.add(class_name)
            copies.append(
                replace(
                    original,
                    id=self.storage.reserve_instance_id(),
                    image_id=self._image.id,
                    mask=mask,
                    category_id=category_id,
                    z_order=front + len(copies),
                    locked=False,
                )
            )
        if not copies:
            self.notice(self.tr("{name}: nothing lies inside this image.").format(name=name))
            return
        if self._change_instances(self.tr("{name} {n} instances").format(name=name, n=len(copies)), copies):
            self.select([i.id for i in copies])
            self._tell(name, len(copies), clipped, outside, sorted(unknown))

    def _same_class(self, category_id: int | None, name: str) -> int | None:
        """The class of that id and name here, else the one of that name; None for unlabelled or unknown ones."""
        same = [c.id for c in self.categories if c.name == name]
        return category_id if category_id in same else next(iter(same), None)

    def _tell(self, name: str, copies: int, clipped: int, outside: int, unknown: list[str]) -> None:
        """What became of the copies, when they are not simply all here as they were."""
        texts = [self.tr("{name}: {n} instances.").format(name=name, n=copies)]
        if clipped:
            texts.append(self.tr("{n} reach beyond this image and were clipped.").format(n=clipped))
        if outside:
            texts.append(self.tr("{n} lie outside and were left out.").format(n=outside))
        if unknown:
            texts.append(
                self.tr("Unlabelled, as there is no such class here: {names}.").format(names=", ".join(unknown))
            )
        if len(texts) > 1:
            self.notice(" ".join(texts))


def _placed(mask: Mask, width: int, height: int) -> Mask:
    """The mask at the same place of an image of that size; what lies outside is cut off."""
    if (mask.width, mask.height) == (width, height):
        return mask
    crop, x0, y0 = mask.crop()
    return Mask.from_crop(crop, x0, y0, width, height)
