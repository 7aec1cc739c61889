"""How prompts, areas and times are written in the panels; free of Qt widgets."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from inference.prompts import Box, Point, Polygon, Prompt, Reference, Scribble, Text


def _tr(text: str) -> str:
    return QCoreApplication.translate("Words", text)


def prompt_icon(prompt: Prompt) -> str:
    """Icon name of a prompt; positive and negative points differ in shape."""
    if isinstance(prompt, Point) and not prompt.positive:
        return "point-negative"
    return str(prompt.kind.value)


def prompt_text(prompt: Prompt) -> str:
    """One prompt in words: kind, polarity, place."""
    sign = "" if prompt.positive else _tr(" (exclude)")
    if isinstance(prompt, Point):
        return f"{_tr('Point')} {prompt.x:.0f}, {prompt.y:.0f}{sign}"
    if isinstance(prompt, Box):
        return f"{_tr('Box')} {prompt.x1 - prompt.x0:.0f} × {prompt.y1 - prompt.y0:.0f}{sign}"
    if isinstance(prompt, Scribble):
        return f"{_tr('Scribble')}, {prompt.width:.0f} px{sign}"
    if isinstance(prompt, Polygon):
        return f"{_tr('Outline')}, {len(prompt.vertices)} {_tr('vertices')}{sign}"
    if isinstance(prompt, Text):
        return f"“{prompt.text}”{sign}"
    if isinstance(prompt, Reference):
        return f"{_tr('Reference')} {prompt.name}{sign}"
    return _tr("Previous mask") + sign


def counted(number: int, one: str, many: str) -> str:
    """``one`` or ``many``, sentences with %1 where the number goes."""
    return (one if number == 1 else many).replace("%1", grouped(number))


def grouped(number: int) -> str:
    """A number with thousands separated: 1,204."""
    return f"{number:,}"


def duration(seconds: float) -> str:
    """Elapsed or remaining time: "8 s", "2 min 05 s", "1 h 12 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} {_tr('s')}"
    if whole < 3600:
        return f"{whole // 60} {_tr('min')} {whole % 60:02d} {_tr('s')}"
    return f"{whole // 3600} {_tr('h')} {whole % 3600 // 60:02d} {_tr('min')}"
