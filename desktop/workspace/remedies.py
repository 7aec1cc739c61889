"""What a person can do about a failed request: the actions of ux.md §13, by kind of failure."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from desktop.workspace.values import NoticeAction
from inference.messages import Failed, FailureKind, Segment
from inference.prompts import Box, Point, Polygon, PromptSet, Scribble

if TYPE_CHECKING:
    from desktop.workspace.asking import Asking

FALLBACK = "classic"
CROP_MARGIN = 0.5
"""The crop reaches this part of the prompts' extent beyond them on each side."""

CROP_LEAST = 256.0
"""Image pixels that the crop shows at least, each way."""

Box4 = tuple[int, int, int, int]


def _tr(text: str) -> str:
    return QCoreApplication.translate("Remedies", text)


def remedies(workspace: Asking, event: Failed) -> tuple[NoticeAction, ...]:
    """The actions of the notice about a failed round."""
    engine = event.request.engine
    again = NoticeAction(_tr("Run again"), workspace.run)
    match event.kind:
        case FailureKind.WEIGHTS_MISSING:
            show = partial(workspace.models_requested.emit, engine)
            locate = NoticeAction(_tr("Locate file…"), show), NoticeAction(_tr("Model folders…"), show)
            return (*locate, *_fallback(workspace, engine))
        case FailureKind.WRONG_WEIGHTS:
            return (NoticeAction(_tr("Choose another"), lambda: workspace.models_requested.emit(engine)),)
        case FailureKind.OUT_OF_MEMORY:
            return (*_crop(workspace, event), *_cpu(workspace), again)[:2]
        case _:
            return (again,)


def _fallback(workspace: Asking, engine: str) -> tuple[NoticeAction, ...]:
    status = workspace.engine_status(FALLBACK)
    if status is None or engine == FALLBACK:
        return ()

    def use() -> None:
        workspace.set_find_with(FALLBACK)
        workspace.set_refine_with(FALLBACK)

    return (NoticeAction(_tr("Use {engine}").format(engine=status.spec.title), use),)


def _crop(workspace: Asking, event: Failed) -> tuple[NoticeAction, ...]:
    if not isinstance(event.request, Segment) or workspace.region_of_interest is not None:
        return ()
    crop = crop_round(event.request.prompts, *workspace.image_size)
    if crop is None:
        return ()

    def use() -> None:
        workspace.set_region_of_interest(crop)
        workspace.run()

    return (NoticeAction(_tr("Try on a crop"), use),)


def _cpu(workspace: Asking) -> tuple[NoticeAction, ...]:
    device = workspace.device
    if device is None or device.name.startswith("CPU"):
        return ()

    def use() -> None:
        workspace.use_cpu(_tr("the GPU ran out of memory"))
        workspace.run()

    return (NoticeAction(_tr("Use CPU"), use),)


def crop_round(prompts: PromptSet, width: int, height: int) -> Box4 | None:
    """A rectangle round all prompts that have a place; None without one, or when it would be most of the image."""
    places: list[tuple[float, float]] = []
    for prompt in prompts:
        match prompt:
            case Point(x=x, y=y):
                places.append((x, y))
            case Box(x0=x0, y0=y0, x1=x1, y1=y1):
                places += [(x0, y0), (x1, y1)]
            case Scribble(vertices=vertices) | Polygon(vertices=vertices):
                places += vertices
    if not places:
        return None
    spans = [_widened([place[axis] for place in places], limit) for axis, limit in ((0, width), (1, height))]
    (x0, x1), (y0, y1) = spans
    if (x1 - x0) * (y1 - y0) > 0.5 * width * height:
        return None
    return x0, y0, x1, y1


def _widened(values: list[float], limit: int) -> tuple[int, int]:
    low, high = min(values), max(values)
    half = max((high - low) * (0.5 + CROP_MARGIN), CROP_LEAST / 2)
    middle = (low + high) / 2
    return max(0, int(middle - half)), min(limit, int(middle + half) + 1)
