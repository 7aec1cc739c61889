"""The tools: names, keys, what the mouse does with them, and how the tool bar groups them."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def tr(text: str) -> str:
    """A text of the commands in the person's language."""
    return QCoreApplication.translate("Commands", text)


TOOLS: tuple[tuple[str, str, str, str], ...] = (
    ("select", "Select", "V", "Click picks, Shift adds, drag moves, drag from an empty place selects an area."),
    ("point", "Point", "Q", "Left click: part of the object. Right click: not part of it. Drag: a box."),
    ("box", "Box", "W", "Drag a box round the object; right-drag excludes an area."),
    ("scribble", "Scribble", "S", "Draw over the object; right button over what does not belong to it."),
    ("reference", "Reference", "Y", "Mark a region of another image: the engine looks for the same here."),
    ("text", "Text", "T", "Describe what to find in words."),
    ("polygon", "Polygon", "P", "Click vertices; Enter, a double-click or the first vertex closes."),
    ("rectangle", "Rectangle", "M", "Drag a rectangle; Shift: square, Ctrl: from the centre."),
    ("lasso", "Lasso", "L", "Draw round a region; the right button subtracts."),
    ("brush", "Brush", "B", "Paint pixels; the right button erases; hold Shift for a straight line."),
    ("eraser", "Eraser", "E", "Erase pixels; the right button paints."),
    ("wand", "Wand", "G", "Click a colour, drag changes the tolerance, Enter keeps the region."),
    ("livewire", "Live-wire", "K", "Click along an edge; the outline follows it. Backspace takes the last anchor."),
    ("split", "Split", "J", "Draw a line across the selected instance, or round a part: the pieces become instances."),
)

TOOL_FAMILIES: tuple[tuple[str, ...], ...] = (
    ("tool.select",),
    ("tool.point", "tool.box", "tool.scribble", "tool.text", "tool.reference"),
    ("tool.polygon", "tool.rectangle", "tool.lasso", "tool.brush", "tool.eraser", "tool.wand", "tool.livewire"),
    ("tool.split", "object.union", "object.subtract", "object.intersect", "object.exclude"),
)


def tool_name(tool: str) -> str:
    """The translated name of a tool; the region of interest is a tool without a button."""
    known = {name: title for name, title, _, _ in TOOLS}
    return tr(known.get(tool, "Region of interest"))


def tool_help(tool: str) -> str:
    """One line of mouse help."""
    known = {name: text for name, _, _, text in TOOLS}
    return tr(known.get(tool, "Drag the region that the engine shall see at full resolution; Esc leaves."))
