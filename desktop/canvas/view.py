"""CanvasView: the widget that shows one image with its instances and session, and lends its surface to the tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

from desktop.canvas.hit_test import HitIndex
from desktop.canvas.host import ToolHost
from desktop.canvas.input import InputRouter
from desktop.canvas.minimap import Minimap
from desktop.canvas.motion import Motion
from desktop.canvas.overlay import Overlay
from desktop.canvas.renderer import ImageRenderer
from desktop.canvas.scene_painter import ScenePainter
from desktop.canvas.session_layer import SessionLayer
from desktop.canvas.settling import Settling
from desktop.canvas.showing import Showing
from desktop.canvas.tools.base import Pointer, Shape, Tool
from desktop.canvas.tools.registry import make_tools
from desktop.canvas.transform import ViewTransform

_SIZE_STEP = 0.1

_TOUCHES = frozenset(
    (
        QEvent.Type.MouseMove,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.Wheel,
        QEvent.Type.KeyPress,
        QEvent.Type.ActivationChange,
    )
)
"""Events after which the session's dashes move on for a while."""


@dataclass(frozen=True, slots=True)
class ViewState:
    """What is kept per image: where one looked, and the unfinished drawings by tool."""

    transform: ViewTransform
    drafts: Mapping[str, object] = field(default_factory=dict)


class CanvasView(Showing):
    """Shows and edits through a :class:`ToolHost`; knows nothing of projects, engines or undo.

    Coordinates given and emitted are image coordinates. The widget never blocks: image sampling follows the viewport,
    overlays are built in slices, large outlines are traced off the GUI thread.
    """

    cursor_moved = Signal(object, object)
    """x and y (floats, image coordinates) under the pointer, or None and None."""

    tool_changed = Signal(str)
    text_requested = Signal()
    """The text box should take the focus (Text tool)."""

    drawing_changed = Signal(bool)
    """Whether the current tool has an unfinished drawing."""

    gesture_started = Signal()
    gesture_settled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = HitIndex()
        self.renderer = ImageRenderer()
        self.overlay = Overlay(self.index)
        self.session_layer = SessionLayer(self)
        self.session_layer.changed.connect(self.update)
        self.settling = Settling(self)
        self.motion = Motion(self)
        self._painter = ScenePainter(self)
        self._input = InputRouter(self)
        self._tools: dict[str, Tool] = {}
        self._tool: Tool | None = None
        self._host: ToolHost | None = None
        self._busy = False
        self.minimap = Minimap(self, self.center_on)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 120)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.setAccessibleName(self.tr("Image canvas"))
        self.setAccessibleDescription(
            self.tr("Arrow keys move the cross-hair or the selection; Enter clicks; Shift moves ten pixels.")
        )

    def set_host(self, host: ToolHost) -> None:
        """Connect the tools to the window; the Select tool becomes current."""
        self._host = host
        self._tools = make_tools(host, self)
        self._tool = None
        self.set_tool("select")

    def set_wheel_scrolls(self, on: bool) -> None:
        """Whether the plain wheel scrolls and Ctrl+wheel zooms."""
        self._input.wheel_scrolls = on

    # tools
    @property
    def tool(self) -> str:
        """The name of the current tool; empty without a host."""
        return "" if self._tool is None else self._tool.name

    @property
    def active_tool(self) -> Tool | None:
        return self._tool if not self.renderer.empty else None

    @property
    def crosshair(self) -> tuple[float, float] | None:
        return self._input.crosshair

    def set_tool(self, name: str) -> None:
        """Choose a tool by name; an unfinished drawing of the old one is committed if valid, else kept as a draft."""
        if name == self.tool:
            if self._tool is not None:
                self._tool.activate()
            return
        if name not in self._tools:
            raise ValueError(f"There is no canvas tool named {name!r}.")
        if self._tool is not None:
            self._tool.deactivate()
        self._tool = self._tools[name]
        self.hovered = None
        self._input.crosshair = None
        self.refresh_cursor()
        self.tool_changed.emit(name)
        self._tool.activate()
        self.changed()

    def finish_drawing(self) -> bool:
        """Commit the unfinished drawing of the current tool; false when there is none to commit."""
        return self._tool is not None and self._tool.finish()

    def cancel_drawing(self) -> bool:
        """Drop the unfinished drawing of the current tool, else the drafts of others; false when there is none."""
        if self._tool is None:
            return False
        if self._tool.cancel():
            return True
        dropped = [tool.cancel() for tool in self._tools.values() if tool.busy()]
        return any(dropped)

    def change_size(self, steps: int) -> None:
        """Make the brush, or the scribble while that tool is current, larger or smaller by some 10 % a step."""
        if self._host is None:
            return
        options = self._host.options
        scribbling = self.tool == "scribble"
        size = options.scribble_width if scribbling else options.brush_size
        size = min(max(size + steps * max(round(size * _SIZE_STEP), 1), 1), 500)
        changes = replace(options, scribble_width=size) if scribbling else replace(options, brush_size=size)
        self._host.change_options(changes)
        self.update()

    # the surface of the tools
    def changed(self) -> None:
        busy = self._tool is not None and self._tool.busy()
        if busy != self._busy:
            self._busy = busy
            self.drawing_changed.emit(busy)
        self.update()

    def ask_for_text(self) -> None:
        self.text_requested.emit()

    def shapes(self) -> list[Shape]:
        """What the current tool shows, over the drafts of the others."""
        drafts = [tool for tool in self._tools.values() if tool is not self._tool and tool.busy()]
        return [shape for tool in (*drafts, *([self._tool] if self._tool else [])) for shape in tool.shapes()]

    def _another_image(self) -> None:
        for tool in self._tools.values():
            tool.cancel()

    # where one looks
    def view_state(self) -> ViewState:
        """Where one looks, and the unfinished drawings: kept per image by the caller."""
        drafts = {name: draft for name, tool in self._tools.items() if (draft := tool.draft()) is not None}
        return ViewState(self._transform, drafts)

    def restore_view(self, state: ViewState) -> None:
        """Look there again and put the unfinished drawings back."""
        for name, tool in self._tools.items():
            tool.restore(state.drafts.get(name))
        self._look(state.transform)
        self.changed()

    # events
    def hover_at(self, at: Pointer) -> None:
        """The pointer is there: say so, and highlight what a click would pick."""
        self.cursor_moved.emit(at.x, at.y)
        hovered = None
        if self._tool is not None and self._tool.picks:
            pile = self.index.at(at.x, at.y)
            hovered = pile[0] if pile else None
        if hovered != self.hovered:
            self.hovered = hovered
        self.update()

    def refresh_cursor(self) -> None:
        """The pointer's shape for what a press would do."""
        if self._input.panning:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._input.space:
            shape = Qt.CursorShape.OpenHandCursor
        elif self._tool is None or self._tool.picks or self._tool.name == "text":
            shape = Qt.CursorShape.ArrowCursor
        else:
            shape = Qt.CursorShape.CrossCursor
        self.setCursor(shape)

    def open_context_menu(self, at: QPoint) -> None:
        if self._host is not None:
            self._host.context_menu(at.x(), at.y())

    def open_menu_by_key(self) -> None:
        """The context menu without a mouse: at the cross-hair, else on the selected instance, else in the middle."""
        place = QPointF(self.rect().center())
        item = self.index.get(self._selection[0]) if self._selection else None
        if self.crosshair is not None:
            place = self.image_to_widget(*self.crosshair)
        elif item is not None and not item.mask.is_empty:
            x0, y0, x1, y1 = item.mask.bbox
            place = self.image_to_widget((x0 + x1) / 2, (y0 + y1) / 2)
        inside = self.rect().contains(place.toPoint())
        self.open_context_menu(self.mapToGlobal(place.toPoint() if inside else self.rect().center()))

    def event(self, event: QEvent) -> bool:
        if event.type() in _TOUCHES:
            self.motion.touched()
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if self._input.wants(event):
                event.accept()
                return True
        elif isinstance(event, QNativeGestureEvent):
            if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom_by(1 + event.value(), event.position())
                return True
        elif isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                self.zoom_by(pinch.scaleFactor(), QPointF(self.mapFromGlobal(pinch.centerPoint().toPoint())))
                return True
        elif event.type() is QEvent.Type.DevicePixelRatioChange:
            self._image_changed()
        elif event.type() is QEvent.Type.ActivationChange:
            self.motion.refresh()
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._input.press(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._input.press(event, double=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._input.move(event)
        if event.buttons():
            self.cursor_moved.emit(*self.widget_to_image(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._input.release(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.active_tool is not None:
            self._input.wheel(event)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._input.key_press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._input.key_release(event):
            super().keyReleaseEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Only the Menu key comes this way; the right button belongs to the tools."""
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            self.open_menu_by_key()
        event.accept()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._input.position = event.position()

    def leaveEvent(self, event: QEvent) -> None:
        self._input.position = None
        self.hovered = None
        if self._tool is not None:
            self._tool.leave()
        self.cursor_moved.emit(None, None)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._input.lost()
        super().focusOutEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        fit = self._fit_pending
        if fit:
            self.zoom_to_fit()
        self._image_changed()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._painter.paint()

    def sizeHint(self) -> QSize:
        return QSize(960, 640)
