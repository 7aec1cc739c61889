"""Which texts of a window do not fit where they stand. Texts that shorten themselves and say so (`ElidedLabel`) do."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)

from desktop.panels.controls import ElidedLabel

SLACK = 2
"""Pixels by which a text may exceed its place: rounding of font metrics."""


def clipped_texts(root: QWidget) -> list[str]:
    """Each text of a visible widget below ``root`` that is cut off, with the class of its widget and both sizes."""
    found: list[str] = []
    for widget in (root, *root.findChildren(QWidget)):
        if widget.isVisibleTo(root) and not widget.visibleRegion().isEmpty():
            for text, needed, there in _texts(widget):
                if needed > there + SLACK:
                    found.append(f"{type(widget).__name__} {text!r}: {needed} in {there}")
    return found


def _texts(widget: QWidget) -> Iterator[tuple[str, int, int]]:
    """Texts of one widget with the pixels they need and have."""
    metrics = widget.fontMetrics()
    if isinstance(widget, ElidedLabel):
        return
    if isinstance(widget, QLabel):
        text = widget.text()
        if not text or widget.textFormat() == Qt.TextFormat.RichText or text.startswith("<"):
            return
        if widget.wordWrap():
            yield text, widget.heightForWidth(widget.width()), widget.height()
        else:
            yield text, metrics.size(Qt.TextFlag.TextShowMnemonic, text).width(), widget.contentsRect().width()
    elif isinstance(widget, QAbstractButton) and widget.text():
        yield widget.text(), widget.sizeHint().width(), widget.width()
        yield widget.text(), metrics.height(), widget.height()
    elif isinstance(widget, QComboBox) and not widget.isEditable():
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        field = widget.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, widget
        )
        yield widget.currentText(), metrics.horizontalAdvance(widget.currentText()), field.width()
    elif isinstance(widget, QLineEdit) and not widget.text():
        yield widget.placeholderText(), metrics.horizontalAdvance(widget.placeholderText()), widget.width()
    elif isinstance(widget, QHeaderView) and widget.orientation() == Qt.Orientation.Horizontal:
        for section in range(widget.count()):
            if not widget.isSectionHidden(section):
                text = str(widget.model().headerData(section, Qt.Orientation.Horizontal) or "")
                yield text, metrics.horizontalAdvance(text), widget.sectionSize(section)
