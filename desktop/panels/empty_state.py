"""The page of an empty window: ways to start, recent projects, the sample (ux.md §14)."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from desktop.panels.controls import GAP, TARGET, plain, soft_label
from desktop.panels.icons import icon, pixmap
from desktop.workspace import Workspace

_RECENT = 6


class EmptyWindowPage(QWidget):
    """Signals ask the window for a file dialog; recent projects, drops and the sample go to the workspace directly."""

    open_folder_requested = Signal()
    open_images_requested = Signal()
    open_project_requested = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setObjectName("empty_page")
        self.setAccessibleName(self.tr("Start"))
        self.setAcceptDrops(True)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        self._recent_heading = soft_label(self.tr("Recent"))
        self._first: QPushButton | None = None
        self._build()
        workspace.project_changed.connect(self.refresh)
        self.refresh()

    def _build(self) -> None:
        mark = QLabel()
        mark.setPixmap(pixmap("app", 72, self.devicePixelRatioF()))
        mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        heading = QLabel(self.tr("Open images to start"))
        font = heading.font()
        font.setPointSizeF(font.pointSizeF() * 1.8)
        font.setBold(True)
        heading.setFont(font)
        heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = QHBoxLayout()
        buttons.setSpacing(12)
        buttons.addStretch(1)
        asks = (
            (self.tr("Open folder…"), "folder", self.open_folder_requested),
            (self.tr("Open images…"), "images", self.open_images_requested),
            (self.tr("Open project…"), "project", self.open_project_requested),
        )
        for text, icon_name, signal in asks:
            button = QPushButton(icon(icon_name), text)
            button.setAccessibleName(text)
            button.setMinimumHeight(36)
            button.setIconSize(QSize(18, 18))
            button.clicked.connect(signal)
            buttons.addWidget(button)
            self._first = self._first or button
        buttons.addStretch(1)
        drop = soft_label(self.tr("or drop a folder, images or a project here"))
        drop.setAlignment(Qt.AlignmentFlag.AlignCenter)
        sample = _link("point", self.tr("Try the sample"), self.tr("Try the sample"))
        sample.setToolTip(self.tr("Bundled photos; click an object with the built-in engine, accept, correct, export"))
        sample.clicked.connect(self._workspace.open_sample)
        inside = QVBoxLayout()
        inside.setSpacing(12)
        inside.addWidget(mark)
        inside.addWidget(heading)
        inside.addSpacing(4)
        inside.addLayout(buttons)
        inside.addWidget(drop)
        inside.addWidget(sample, 0, Qt.AlignmentFlag.AlignHCenter)
        inside.addSpacing(8)
        inside.addWidget(self._recent_heading, 0, Qt.AlignmentFlag.AlignHCenter)
        inside.addLayout(self._recent)
        column = QVBoxLayout(self)
        column.addStretch(2)
        column.addLayout(inside)
        column.addStretch(3)

    def showEvent(self, event: QShowEvent) -> None:
        """The keyboard starts at the first choice, not at the first field of the status bar."""
        super().showEvent(event)
        if self._first is not None:
            self._first.setFocus(Qt.FocusReason.OtherFocusReason)

    def refresh(self) -> None:
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        recent = list(self._workspace.recent_projects())[:_RECENT]
        self._recent_heading.setVisible(bool(recent))
        for path in recent:
            self._recent.addWidget(self._recent_button(path), 0, Qt.AlignmentFlag.AlignHCenter)

    def _recent_button(self, path: Path) -> QToolButton:
        where = f"{path.parent.parent.name}/{path.parent.name}".strip("/")
        button = _link("project", f"{path.stem}  —  {where}", self.tr("Open %1").replace("%1", str(path)))
        button.setToolTip(str(path))
        button.clicked.connect(lambda: self._workspace.open_project(path))
        return button

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self._workspace.open_paths(paths)


def _link(icon_name: str, text: str, spoken: str) -> QToolButton:
    """A quiet button that reads like a link, with the target size and focus ring of a button."""
    button = QToolButton()
    button.setIcon(icon(icon_name))
    button.setText(plain(text))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setAutoRaise(True)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setMinimumHeight(TARGET + GAP)
    button.setAccessibleName(spoken)
    return button
