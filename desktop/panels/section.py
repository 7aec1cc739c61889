"""The right column: collapsible sections in one dock, which shrink to a rail of icons when there is little room."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QSpacerItem,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.controls import GAP, icon_button
from desktop.panels.icons import icon


class Section(QWidget):
    """A heading that folds its body. ``name`` is stable (settings), ``title`` is translated."""

    folded = Signal(bool)

    def __init__(self, name: str, title: str, icon_name: str, body: QWidget, *, stretch: int = 0) -> None:
        super().__init__()
        self.name = name
        self.title = title
        self.icon_name = icon_name
        self.body = body
        self.stretch = stretch
        self.setObjectName(f"section_{name}")
        self._head = QToolButton()
        self._head.setText(title.upper())
        self._head.setIconSize(QSize(12, 12))
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.setAutoRaise(True)
        self._head.setCheckable(False)
        self._head.setMinimumHeight(24)
        self._head.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        font = self._head.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 0.86)
        self._head.setFont(font)
        self._head.clicked.connect(lambda: self.set_folded(not self.is_folded))
        self._summary = QLabel()
        self._summary.setProperty("soft", "true")
        self._tools = QHBoxLayout()
        self._tools.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, GAP, 0)
        head.setSpacing(GAP)
        head.addWidget(self._head, 1)
        head.addWidget(self._summary)
        head.addLayout(self._tools)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, 2, GAP, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(body, 1)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        line.setFrameShadow(QFrame.Shadow.Plain)
        line.setObjectName("sectionLine")
        line.setFixedHeight(1)
        line.setForegroundRole(self.palette().ColorRole.Mid)
        column.addWidget(line)
        self._show_state()

    @property
    def is_folded(self) -> bool:
        return self.body.isHidden()

    def set_folded(self, folded: bool) -> None:
        if folded == self.is_folded:
            return
        self.body.setHidden(folded)
        self._show_state()
        self.folded.emit(folded)

    def set_summary(self, text: str) -> None:
        """A few words beside the title, seen also while the section is folded ("2/3")."""
        self._summary.setText(text)

    def add_tool(self, button: QWidget) -> None:
        """Put a control at the right end of the heading."""
        self._tools.addWidget(button)

    def _show_state(self) -> None:
        folded = self.is_folded
        self._head.setIcon(icon("chevron-right" if folded else "chevron-down"))
        verb = self.tr("Show %1") if folded else self.tr("Fold %1")
        self._head.setAccessibleName(verb.replace("%1", self.title))
        self._head.setToolTip(verb.replace("%1", self.title))


class SectionColumn(QWidget):
    """All sections of the right dock, scrollable; or, when compact, a rail with one icon per section.

    ``compact_changed`` lets the window change the width of its dock. Pressing an icon of the rail opens the column
    with that section unfolded and focused.
    """

    compact_changed = Signal(bool)
    RAIL_WIDTH = 36

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panels")
        self.setAccessibleName(self.tr("Panels"))
        self._sections: list[Section] = []
        self._rail_buttons: dict[str, QToolButton] = {}
        inside = _Inside()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addSpacerItem(QSpacerItem(0, 0, QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Expanding))
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidget(inside)
        self._rail = QWidget()
        self._rail_column = QVBoxLayout(self._rail)
        self._rail_column.setContentsMargins(GAP, GAP, GAP, GAP)
        self._rail_column.setSpacing(GAP)
        self._rail_column.addStretch(1)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(self._scroll)
        self._stack.addWidget(self._rail)

    def add(self, section: Section) -> None:
        self._sections.append(section)
        self._column.insertWidget(self._column.count() - 1, section, section.stretch)
        # a folded section must not keep its share of the height
        section.folded.connect(lambda f: self._column.setStretchFactor(section, 0 if f else section.stretch))
        button = icon_button(section.icon_name, section.title)
        button.setIconSize(QSize(20, 20))
        button.clicked.connect(lambda: self.open_section(section.name))
        self._rail_column.insertWidget(self._rail_column.count() - 1, button)
        self._rail_buttons[section.name] = button

    @property
    def sections(self) -> Mapping[str, Section]:
        return {section.name: section for section in self._sections}

    def set_present(self, name: str, present: bool) -> None:
        """Show a section that has something to show now, or take it away."""
        self.sections[name].setVisible(present)
        self._rail_buttons[name].setVisible(present)

    @property
    def is_compact(self) -> bool:
        return self._stack.currentWidget() is self._rail

    def set_compact(self, compact: bool) -> None:
        if compact == self.is_compact:
            return
        self._stack.setCurrentWidget(self._rail if compact else self._scroll)
        self.setMinimumWidth(self.RAIL_WIDTH if compact else 240)
        self.setMaximumWidth(self.RAIL_WIDTH if compact else 16777215)
        self.compact_changed.emit(compact)

    def open_section(self, name: str) -> None:
        """Unfold a section, leave compact mode, scroll to it and give it the focus."""
        section = self.sections[name]
        self.set_compact(False)
        section.set_folded(False)
        self._scroll.ensureWidgetVisible(section)
        section.body.setFocus(Qt.FocusReason.OtherFocusReason)

    def folded(self) -> list[str]:
        """Names of the folded sections, to be remembered."""
        return [section.name for section in self._sections if section.is_folded]

    def set_folded(self, names: list[str]) -> None:
        for section in self._sections:
            section.set_folded(section.name in names)

    def sizeHint(self) -> QSize:
        return QSize(self.RAIL_WIDTH if self.is_compact else 300, 600)


class _Inside(QWidget):
    """Asks for the least height its sections can do with, so that lists shrink before the column scrolls."""

    def heightForWidth(self, width: int) -> int:
        layout = self.layout()
        return layout.minimumHeightForWidth(width) if layout is not None else super().heightForWidth(width)
