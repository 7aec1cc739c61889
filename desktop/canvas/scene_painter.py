"""One frame of the canvas, bottom to top: image, instances, session, tool, chips, cross-hair, legend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from desktop.canvas.chips import Labels, draw_chips
from desktop.canvas.heat import draw_legend
from desktop.canvas.host import CanvasInstance
from desktop.canvas.markers import draw_crosshair
from desktop.canvas.shape_painter import (
    draw_box,
    draw_cursor,
    draw_handles,
    draw_line,
    draw_polygon,
    draw_raster,
    draw_spot,
)
from desktop.canvas.tools.base import BoxShape, Cursor, Ghost, Line, Raster, Spot
from desktop.canvas.tools.outline import VERTEX_GAP
from desktop.canvas.tools.select import SelectTool
from desktop.canvas.transform import ViewTransform

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

BACKGROUND = QColor("#3d3d3d")
"""Neutral grey in every theme (ux.md §20)."""

_SEEN = 1.5
"""View pixels by which a polygon differs from its mask when both can be told apart."""


class ScenePainter:
    """Paints a :class:`CanvasView`; keeps the sampled image until view, size or adjustments change."""

    def __init__(self, view: CanvasView) -> None:
        self._view = view
        self._image: QImage | None = None
        self._made_for: tuple[ViewTransform, QSize, float] | None = None

    def forget_image(self) -> None:
        self._image = None

    def paint(self) -> None:
        view = self._view
        transform = view.transform_now
        painter = QPainter(view)
        try:
            self._frame(painter, transform)
        finally:
            # a painter left open on its device would crash Qt on top of the error that is under way
            painter.end()

    def _frame(self, painter: QPainter, transform: ViewTransform) -> None:
        view = self._view
        painter.drawImage(0, 0, self._backdrop(transform))
        if not view.renderer.empty and not view.peeking:
            view.settling.before_paint()
            view.overlay.draw(painter, transform)
            for instance in view.previewed:
                view.overlay.draw_preview(painter, transform, instance)
            self._draw_region(painter, transform)
            self._draw_hovered(painter, transform)
            view.session_layer.draw(painter, transform, view.image_size)
            self._draw_outline_handles(painter, transform)
            self._draw_tool(painter, transform)
            draw_chips(painter, transform, QRectF(view.rect()), self._chips())
            if view.session_layer.shows_heat:
                draw_legend(painter, QPointF(14, view.height() - 14))
        if view.crosshair is not None:
            draw_crosshair(painter, QPointF(*transform.to_view(*view.crosshair)))
        if view.hasFocus():
            _draw_focus(painter, view.rect().toRectF())

    def _backdrop(self, transform: ViewTransform) -> QImage:
        view = self._view
        key = transform, view.size(), view.devicePixelRatioF()
        if self._image is None or self._made_for != key:
            self._image = view.renderer.render(transform, key[1], key[2], BACKGROUND)
            self._made_for = key
        return self._image

    def _draw_hovered(self, painter: QPainter, transform: ViewTransform) -> None:
        view = self._view
        instance = None if view.hovered is None else view.index.get(view.hovered)
        tool = view.active_tool
        if instance is not None and not instance.hidden and not (tool is not None and tool.busy()):
            view.overlay.draw_hovered(painter, transform, instance)

    def _draw_region(self, painter: QPainter, transform: ViewTransform) -> None:
        box = self._view.region_of_interest
        if box is None:
            return
        x0, y0, x1, y1 = transform.rect_to_view(tuple(map(float, box)))  # type: ignore[arg-type]
        outside = QPainterPath()
        outside.addRect(QRectF(self._view.rect()))
        outside.addRect(QRectF(x0, y0, x1 - x0, y1 - y0))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(outside, QColor(0, 0, 0, 110))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(Qt.GlobalColor.white, 1.5, Qt.PenStyle.DashDotLine))
        painter.drawRect(QRectF(x0, y0, x1 - x0, y1 - y0))

    def _draw_outline_handles(self, painter: QPainter, transform: ViewTransform) -> None:
        tool = self._view.active_tool
        if not isinstance(tool, SelectTool) or tool.busy() or self._view.previewed:
            return
        outline = tool.outline
        if outline is None or not outline.vertices_shown(transform.scale):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        coarse = outline.error * transform.scale > _SEEN
        for ring in outline.rings:
            corners = QPolygonF([QPointF(*transform.to_view(x, y)) for x, y in ring.tolist()])
            if coarse:
                draw_polygon(painter, corners)
            draw_handles(painter, _apart(corners, QRectF(self._view.rect())), closing=False)

    def _draw_tool(self, painter: QPainter, transform: ViewTransform) -> None:
        view = self._view
        session = view.session_layer.session
        colour = QColor(session.colour if session is not None else "#ffffff")
        for shape in view.shapes():
            match shape:
                case Line():
                    draw_line(painter, transform, shape, colour)
                case BoxShape():
                    draw_box(painter, transform, shape, colour)
                case Cursor():
                    draw_cursor(painter, transform, shape)
                case Raster():
                    ratio = view.devicePixelRatioF()
                    draw_raster(painter, transform, shape, colour, QRectF(view.rect()), ratio)
                case Spot():
                    draw_spot(painter, QPointF(*transform.to_view(shape.x, shape.y)))
                case Ghost():
                    for instance_id in shape.ids:
                        instance = view.index.get(instance_id)
                        if instance is not None:
                            view.overlay.draw_ghost(painter, transform, instance, shape.dx, shape.dy)

    def _chips(self) -> Iterator[CanvasInstance]:
        """The instances whose chips are shown: hovered and selected first, so that theirs are never hidden."""
        view = self._view
        if view.labels is Labels.NONE:
            return
        first = [*([view.hovered] if view.hovered is not None else []), *view.selected[:200]]
        seen = set()
        for instance_id in first:
            instance = view.index.get(instance_id)
            if instance is not None and not instance.hidden and instance_id not in seen:
                seen.add(instance_id)
                yield instance
        if view.labels is Labels.ALL:
            yield from (item for item in view.index.instances() if not item.hidden and item.id not in seen)


def _apart(corners: QPolygonF, visible: QRectF) -> QPolygonF:
    """The corners in sight, without those too near to the one before to be told from it (ux.md §9)."""
    area = visible.adjusted(-VERTEX_GAP, -VERTEX_GAP, VERTEX_GAP, VERTEX_GAP)
    kept: list[QPointF] = []
    for corner in corners.toList():
        if not area.contains(corner):
            continue
        if not kept or max(abs(corner.x() - kept[-1].x()), abs(corner.y() - kept[-1].y())) >= VERTEX_GAP:
            kept.append(corner)
    return QPolygonF(kept)


def _draw_focus(painter: QPainter, box: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor("#4c9ffe"), 2))
    painter.drawRect(box.adjusted(1, 1, -1, -1))
