"""The status bar: a message at the left, fixed fields at the right (ux.md §2.6)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QStatusBar, QToolButton, QWidget

from desktop.languages import word
from desktop.panels.controls import TARGET, ElidedLabel
from desktop.panels.icons import icon
from desktop.panels.words import grouped
from desktop.workspace import SavedState, Workspace

_MESSAGE_MS = 8000
_MB = 1024 * 1024
_CACHE_FROM, _ENGINE_FROM = 960, 720
"""Widths of the bar, px, from which these fields are shown."""


class StatusBar(QStatusBar):
    """``show_pixel`` and ``show_zoom`` are called by the canvas; everything else follows the workspace."""

    jobs_requested = Signal(QPoint)
    """The jobs field was pressed; the position is its global top-right corner."""
    save_details_requested = Signal()
    zoom_requested = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setSizeGripEnabled(False)
        self.setAccessibleName(self.tr("Status"))
        self._message = ElidedLabel()
        self._message.setMinimumHeight(TARGET)
        self._fade = QTimer(self)
        self._fade.setSingleShot(True)
        self._fade.timeout.connect(lambda: self._message.set_full_text(""))
        self.addWidget(self._message, 1)
        self._pixel = self._field(self.tr("Pixel and value"), "00000, 00000  000 000 000")
        self._zoom = self._button(self.tr("Zoom"), "", "6400 %")
        self._engine = self._field(self.tr("Engine and device"), "")
        self._cache = self._field(self.tr("Feature cache"), "")
        self._jobs = self._button(self.tr("Jobs"), "jobs", "")
        self._saved = self._button(self.tr("Saved state"), "", "")
        self._zoom.clicked.connect(self.zoom_requested)
        self._jobs.clicked.connect(
            lambda: self.jobs_requested.emit(self._jobs.mapToGlobal(QPoint(self._jobs.width(), 0)))
        )
        self._saved.clicked.connect(self.save_details_requested)
        workspace.status_message.connect(self.say)
        workspace.engines_changed.connect(self._show_engine)
        workspace.jobs_changed.connect(self._show_jobs)
        workspace.saved_changed.connect(self._show_saved)
        workspace.image_changed.connect(lambda: self.show_pixel(None))
        workspace.image_changed.connect(self._fit)
        for show in (self._show_engine, self._show_jobs, self._show_saved):
            show()
        self.show_zoom(None)

    def _field(self, name: str, sample: str) -> QLabel:
        label = QLabel()
        label.setObjectName("field")
        label.setToolTip(name)
        label.setAccessibleName(name)
        label.setContentsMargins(8, 0, 8, 0)
        label.setMinimumWidth(label.fontMetrics().horizontalAdvance(sample) + 16 if sample else 0)
        self.addPermanentWidget(label)
        return label

    def _button(self, name: str, icon_name: str, sample: str) -> QToolButton:
        button = QToolButton()
        button.setAutoRaise(True)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.setIconSize(QSize(14, 14))
        button.setMinimumHeight(TARGET)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if icon_name:
            button.setIcon(icon(icon_name))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        if sample:
            button.setMinimumWidth(button.fontMetrics().horizontalAdvance(sample) + 12)
        self.addPermanentWidget(button)
        return button

    def say(self, text: str) -> None:
        """Show a transient message."""
        self._message.set_full_text(text)
        self._fade.start(_MESSAGE_MS)

    def show_pixel(self, position: tuple[int, int] | None, values: Sequence[float] = ()) -> None:
        """The pixel under the cursor and its original values; None when the cursor is outside the image."""
        if position is None:
            self._pixel.clear()
            return
        shown = " ".join(f"{value:g}" for value in values)
        self._pixel.setText(f"{position[0]}, {position[1]}  {shown}".strip())

    def show_zoom(self, factor: float | None) -> None:
        """1.0 is 100 %; None without an image."""
        self._zoom.setVisible(factor is not None)
        self._zoom.setEnabled(factor is not None)
        self._zoom.setToolTip(self.tr("Zoom; click for 100 %") if factor is not None else self.tr("No image is open."))
        if factor is None:
            self._zoom.setText("–")
        else:
            percent = 100 * factor
            self._zoom.setText(f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %")

    def _show_engine(self) -> None:
        name = self._workspace.find_with
        status = next((s for s in self._workspace.engines if s.spec.name == name), None)
        device = self._workspace.device
        if status is None:
            self._engine.clear()
        else:
            where = f" · {device.name}" if device is not None else ""
            self._engine.setText(f"{status.spec.title}: {word(status.state)}{where}")
        images, used, budget = self._workspace.cache
        text = self.tr("%1 image · %2 of %3 MB") if images == 1 else self.tr("%1 images · %2 of %3 MB")
        for number, value in enumerate((images, used // _MB, budget // _MB), 1):
            text = text.replace(f"%{number}", grouped(value))
        self._cache.setText(text if images else "")
        on_disk = self._workspace.cache_on_disk // _MB
        more = self.tr("Feature cache; %1 MB more on disk").replace("%1", grouped(on_disk))
        self._cache.setToolTip(more if on_disk else self.tr("Feature cache"))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """In a small window the less important fields give way, so that none is cut off."""
        browsing = self._workspace.current_image is not None
        self._cache.setVisible(browsing and self.width() >= _CACHE_FROM)
        self._engine.setVisible(self.width() >= _ENGINE_FROM)

    def _show_jobs(self) -> None:
        active = sum(job.active for job in self._workspace.jobs)
        self._jobs.setText(str(active) if active else "")
        text = self.tr("%1 jobs running").replace("%1", str(active)) if active else self.tr("Jobs")
        self._jobs.setToolTip(text)
        self._jobs.setAccessibleName(text)

    def _show_saved(self) -> None:
        saved = self._workspace.saved
        state = saved.state if saved is not None else SavedState.NOTHING
        failed = state is SavedState.UNSAVED
        if state is SavedState.SAVED and saved.when is not None:
            text = self.tr("Saved %1").replace("%1", saved.when.strftime("%H:%M:%S"))
        else:
            text = {
                SavedState.SAVING: self.tr("Saving…"),
                SavedState.UNSAVED: self.tr("NOT SAVED — click for details"),
            }.get(state, "")
        self._saved.setText(text)
        self._saved.setVisible(bool(text))
        self._saved.setAccessibleName(text)
        self._saved.setToolTip(saved.reason if saved is not None and saved.reason else text)
        error = "#ff8a80" if self.palette().window().color().lightness() < 128 else "#b3261e"
        self._saved.setStyleSheet(f"QToolButton {{ color: {error}; font-weight: 600; }}" if failed else "")
        if failed:
            self._saved.setIcon(icon("warning", error))
        self._saved.setToolButtonStyle(
            Qt.ToolButtonStyle.ToolButtonTextBesideIcon if failed else Qt.ToolButtonStyle.ToolButtonTextOnly
        )
