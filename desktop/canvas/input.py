"""From Qt events to tools: panning, zooming, polarity, the keyboard's cross-hair (ux.md §3, §20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from desktop.canvas.tools.base import Key, Mods, Pointer
from desktop.canvas.transform import WHEEL_STEP

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_NOTCH = 120
_ARROW_PAN = 40.0
_KEYS = {
    Qt.Key.Key_Return: Key.ENTER,
    Qt.Key.Key_Enter: Key.ENTER,
    Qt.Key.Key_Escape: Key.ESCAPE,
    Qt.Key.Key_Backspace: Key.BACKSPACE,
    Qt.Key.Key_Left: Key.LEFT,
    Qt.Key.Key_Right: Key.RIGHT,
    Qt.Key.Key_Up: Key.UP,
    Qt.Key.Key_Down: Key.DOWN,
}
_MODIFIER_KEYS = {Qt.Key.Key_Shift: Mods.SHIFT, Qt.Key.Key_Control: Mods.CTRL, Qt.Key.Key_Alt: Mods.ALT}
_BUTTONS = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


class InputRouter:
    """Holds what is held: the pressed button, the pan under way, Space, and the cross-hair of the keyboard."""

    def __init__(self, view: CanvasView) -> None:
        self._view = view
        self.wheel_scrolls = False
        self.space = False
        self.crosshair: tuple[float, float] | None = None
        self.position: QPointF | None = None
        self._pan_from: QPointF | None = None
        self._pan_button = Qt.MouseButton.NoButton
        self._button = Qt.MouseButton.NoButton
        self._secondary = False
        self._wheel_rest = 0

    @property
    def panning(self) -> bool:
        return self._pan_from is not None

    # mouse
    def press(self, event: QMouseEvent, *, double: bool = False) -> None:
        self.crosshair = None
        button = event.button()
        self.position = event.position()
        if button is Qt.MouseButton.MiddleButton or (button is Qt.MouseButton.LeftButton and self.space):
            self._pan_from, self._pan_button = event.position(), button
            self._view.refresh_cursor()
            return
        if button not in _BUTTONS or self._button is not Qt.MouseButton.NoButton:
            return
        tool = self._view.active_tool
        if tool is None:
            return
        alt = button is Qt.MouseButton.LeftButton and bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        right = button is Qt.MouseButton.RightButton
        secondary = right or (alt and (tool.prompts or tool.secondary))
        if right and not (tool.prompts or tool.secondary):
            tool.before_menu(self.pointer(event.position(), event.modifiers()))
            self._view.open_context_menu(event.globalPosition().toPoint())
            return
        self._button, self._secondary = button, secondary
        at = self.pointer(event.position(), event.modifiers(), event.globalPosition().toPoint())
        if double and not secondary:
            tool.double_click(at)
        else:
            tool.press(at)

    def move(self, event: QMouseEvent) -> None:
        self.position = event.position()
        if self._pan_from is not None:
            moved = event.position() - self._pan_from
            self._pan_from = event.position()
            self._view.pan_by(moved.x(), moved.y())
            return
        tool = self._view.active_tool
        if tool is None:
            return
        self.crosshair = None
        at = self.pointer(event.position(), event.modifiers(), event.globalPosition().toPoint())
        if self._button is not Qt.MouseButton.NoButton:
            tool.move(at)
        else:
            tool.hover(at)
            self._view.hover_at(at)

    def release(self, event: QMouseEvent) -> None:
        if self._pan_from is not None and event.button() is self._pan_button:
            self._pan_from = None
            self._view.refresh_cursor()
            return
        if event.button() is not self._button:
            return
        self._button = Qt.MouseButton.NoButton
        tool = self._view.active_tool
        if tool is not None:
            tool.release(self.pointer(event.position(), event.modifiers(), event.globalPosition().toPoint()))
        self._secondary = False

    def lost(self) -> None:
        """The focus went away: nothing is held any more."""
        self.space = False
        self._pan_from = None
        tool = self._view.active_tool
        if tool is not None:
            tool.modifiers(Mods.NONE)
        self._view.refresh_cursor()

    # wheel
    def wheel(self, event: QWheelEvent) -> None:
        angle, modifiers = event.angleDelta(), event.modifiers()
        pixels = event.pixelDelta()
        touchpad = not pixels.isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        if modifiers & Qt.KeyboardModifier.AltModifier:
            # some platforms turn Alt+wheel into a sideways wheel
            self._sized(angle.y() or angle.x())
            return
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        if touchpad and not control:
            self._view.pan_by(pixels.x(), pixels.y())
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._view.pan_by((angle.y() or angle.x()) / _NOTCH * _ARROW_PAN, 0)
        elif abs(angle.x()) > abs(angle.y()):
            self._view.pan_by(angle.x() / _NOTCH * _ARROW_PAN, 0)
        elif self.wheel_scrolls != control:
            self._view.pan_by(0, angle.y() / _NOTCH * _ARROW_PAN)
        else:
            self._view.zoom_by(WHEEL_STEP ** (angle.y() / _NOTCH), event.position())

    def _sized(self, angle: int) -> None:
        self._wheel_rest += angle
        notches = int(self._wheel_rest / _NOTCH)
        self._wheel_rest -= notches * _NOTCH
        if notches:
            self._view.change_size(notches)

    # keys
    def wants(self, event: QKeyEvent) -> bool:
        """Whether the canvas needs this key now, before any shortcut of the window gets it."""
        key = Qt.Key(event.key())
        tool = self._view.active_tool
        if tool is None:
            return False
        if key is Qt.Key.Key_Space:
            return True
        known = _KEYS.get(key)
        if known in (Key.ENTER, Key.ESCAPE) and self.crosshair is not None:
            return True
        plain = not event.modifiers() & Qt.KeyboardModifier.ControlModifier
        return plain and known is not None and (known.step != (0, 0) or tool.busy())

    def key_press(self, event: QKeyEvent) -> bool:
        """A key went down; true when it was used."""
        key, tool = Qt.Key(event.key()), self._view.active_tool
        if tool is None:
            return False
        if key is Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self.space = True
                self._view.refresh_cursor()
            return True
        mods = modifiers_of(event.modifiers())
        if key in _MODIFIER_KEYS:
            tool.modifiers(mods | _MODIFIER_KEYS[key])
            return False
        known = _KEYS.get(key)
        if known is None:
            return False
        if self.crosshair is not None and known is Key.ENTER:
            self._click_crosshair(mods)
            return True
        if tool.key(known, mods):
            return True
        if known.step != (0, 0):
            self._arrow(known.step, mods)
            return True
        if known is Key.ESCAPE and self.crosshair is not None:
            self.crosshair = None
            self._view.update()
            return True
        return False

    def key_release(self, event: QKeyEvent) -> bool:
        key, tool = Qt.Key(event.key()), self._view.active_tool
        if key is Qt.Key.Key_Space and not event.isAutoRepeat():
            self.space = False
            self._view.refresh_cursor()
            return True
        if key in _MODIFIER_KEYS and tool is not None:
            tool.modifiers(modifiers_of(event.modifiers()) & ~_MODIFIER_KEYS[key])
        return False

    def pointer(self, position: QPointF, modifiers: Qt.KeyboardModifier, menu_at: QPoint | None = None) -> Pointer:
        """The event in image coordinates."""
        view = self._view.transform_now
        x, y = view.to_image(position.x(), position.y())
        place = menu_at or QPoint()
        return Pointer(x, y, self._secondary, modifiers_of(modifiers), view.scale, place.x(), place.y())

    def _arrow(self, step: tuple[int, int], mods: Mods) -> None:
        """Arrow keys move the cross-hair; with Select and nothing selected they pan."""
        tool = self._view.active_tool
        assert tool is not None
        if tool.picks:
            self._view.pan_by(-step[0] * _ARROW_PAN, -step[1] * _ARROW_PAN)
            return
        width, height = self._view.image_size
        if not width or not height:
            return
        if self.crosshair is None:
            start = self.position or QPointF(self._view.width() / 2, self._view.height() / 2)
            x, y = self._view.transform_now.to_image(start.x(), start.y())
        else:
            far = 10 if mods & Mods.SHIFT else 1
            x, y = self.crosshair[0] + step[0] * far, self.crosshair[1] + step[1] * far
        self.crosshair = min(max(int(x), 0), width - 1) + 0.5, min(max(int(y), 0), height - 1) + 0.5
        self._view.keep_in_view(*self.crosshair)
        at = self._at_crosshair(mods)
        tool.hover(at)
        self._view.hover_at(at)

    def _click_crosshair(self, mods: Mods) -> None:
        tool = self._view.active_tool
        assert tool is not None
        self._secondary = bool(mods & Mods.ALT) and (tool.prompts or tool.secondary)
        at = self._at_crosshair(mods & ~Mods.ALT)
        tool.press(at)
        tool.release(at)
        self._secondary = False
        self._view.update()

    def _at_crosshair(self, mods: Mods) -> Pointer:
        assert self.crosshair is not None
        return Pointer(*self.crosshair, self._secondary, mods, self._view.transform_now.scale)


def modifiers_of(modifiers: Qt.KeyboardModifier) -> Mods:
    """Qt's modifiers as the tools know them."""
    mods = Mods.NONE
    for flag, mod in (
        (Qt.KeyboardModifier.ShiftModifier, Mods.SHIFT),
        (Qt.KeyboardModifier.ControlModifier, Mods.CTRL),
        (Qt.KeyboardModifier.AltModifier, Mods.ALT),
    ):
        if modifiers & flag:
            mods |= mod
    return mods
