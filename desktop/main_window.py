"""The main window: what it shows of the workspace, and its own events (ux.md §2).

Its parts are made in :mod:`desktop.window_parts`; what commands do is in :mod:`desktop.window_session` and
:mod:`desktop.window_view`, the commands themselves are in :mod:`desktop.commands`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop import themes
from desktop.actions import ActionRegistry
from desktop.canvas.renderer import Adjustments
from desktop.canvas_link import CanvasLink
from desktop.commands import commands
from desktop.commands.titles import tool_help, tool_name
from desktop.panels.icons import icon
from desktop.panels.status_bar import StatusBar
from desktop.settings import user_state_folder
from desktop.window_layout import DEFAULT_SIZE, MINIMUM_SIZE, WindowLayout
from desktop.window_review import ReviewMode
from desktop.window_view import STRIP_HEIGHT, WindowView
from desktop.workspace import Notice, SavedState, Severity, Workspace


class MainWindow(WindowView):
    """Builds the window round a workspace. Closing it writes everything; worker and threads end in :meth:`finish`."""

    def __init__(self, workspace: Workspace, close_worker: Callable[[], object] | None = None) -> None:
        super().__init__(workspace)
        self._close_worker = close_worker
        self.drawing = False
        self.setObjectName("main_window")
        self.setMinimumSize(*MINIMUM_SIZE)
        self.resize(*DEFAULT_SIZE)
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        workspace.setParent(self)
        self._build_centre()
        self._build_docks()
        self.link = CanvasLink(workspace, self.canvas)
        self.review = ReviewMode(self)
        self.registry = ActionRegistry(workspace.settings, icon, self)
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.timeout.connect(self.registry.refresh)
        self.registry.add(commands(self), self, self.canvas)
        self._build_menus()
        self._build_tool_bar()
        self.setStatusBar(StatusBar(workspace, self))
        self._connect()
        self.window_layout = WindowLayout(self, user_state_folder() / "layout.json")
        self.window_layout.restore()
        self._show_project()
        self.choose_tool("point")
        if workspace.settings.problem:
            workspace.raise_notice(Notice(workspace.settings.problem, Severity.WARNING))
        if workspace.settings.overrides:
            names = ", ".join(workspace.settings.overrides)
            workspace.raise_notice(Notice(self.tr("For this run the command line sets: {names}.").format(names=names)))

    def _connect(self) -> None:
        ws = self.workspace
        status = self.statusBar()
        assert isinstance(status, StatusBar)
        ws.project_changed.connect(self._show_project)
        ws.images_changed.connect(self._show_project)
        ws.image_changed.connect(self._show_title)
        ws.saved_changed.connect(self._show_title)
        ws.notice_raised.connect(self.notices.show_notice)
        ws.context_menu_requested.connect(self._context_menu)
        ws.save_elsewhere_requested.connect(self.ask_save_elsewhere)
        for signal in (
            ws.project_changed, ws.images_changed, ws.image_changed, ws.selection_changed, ws.instances_changed,
            ws.session_changed, ws.engines_changed, ws.history_changed, ws.options_changed, ws.categories_changed,
            ws.proposals_changed, ws.region_of_interest_changed, ws.pixels_changed, ws.review_changed,
            self.canvas.tool_changed, self.canvas.drawing_changed,
        ):  # fmt: skip
            signal.connect(lambda *_: self._refresh.start(0))
        self.canvas.tool_changed.connect(self._show_tool)
        self.canvas.drawing_changed.connect(self._drawing_changed)
        self.canvas.zoom_changed.connect(status.show_zoom)
        self.canvas.cursor_moved.connect(self._show_pixel)
        self.canvas.text_requested.connect(self.focus_text)
        self.empty_page.open_folder_requested.connect(self.ask_folder)
        self.empty_page.open_images_requested.connect(self.ask_images)
        self.empty_page.open_project_requested.connect(self.ask_project)
        self.strip.open_requested.connect(self.ask_folder)
        for panel in (
            self.strip, self.prompts_panel, self.classes_panel, self.instances_panel, self.proposals_panel,
            self.details_panel,
        ):  # fmt: skip
            panel.left.connect(self.canvas.setFocus)
        self.instances_panel.activated.connect(self._go_to_instance)
        self.instances_panel.summary_changed.connect(self.sections.sections["instances"].set_summary)
        self.session_bar.class_wanted.connect(self.choose_class)
        ws.instances_changed.connect(self._offer_names)
        self.chooser.chosen.connect(self._class_chosen)
        self.proposals_panel.filled.connect(self._proposals_filled)
        self.reference_pane.closed.connect(self._reference_chosen)
        self.prompts_panel.class_of_phrase = ws.class_of_phrase
        status.jobs_requested.connect(self.jobs.open_above)
        status.save_details_requested.connect(self._save_details)
        status.zoom_requested.connect(self.canvas.zoom_to_100)
        self.engine_panel.locate_requested.connect(self.tell_weights)
        ws.models_requested.connect(self.tell_weights)
        self.engine_panel.details_requested.connect(self._engine_details)
        self.engine_panel.diagnostics_requested.connect(self._device_details)
        self.adjustments.changed.connect(self._adjust)
        self.sections.compact_changed.connect(lambda compact: self._panel_width(compact))
        ws.settings.listeners.append(self._setting_changed)

    # -- what is shown -------------------------------------------------------------------------------------------

    def _show_project(self) -> None:
        anything = bool(self.workspace.images)
        appears = anything and self.pages.currentIndex() == 0
        self.pages.setCurrentIndex(1 if anything else 0)
        f11 = bool(self._hidden_by_f11)
        for widget in (self.strip_dock, self.panel_dock, self.tools):
            if not anything or not f11:
                widget.setVisible(anything and not self.window_layout.is_closed(widget))
        if appears:
            self.resizeDocks([self.strip_dock], [STRIP_HEIGHT], Qt.Orientation.Vertical)
            self._panel_width(self.sections.is_compact)
            self.canvas.setFocus()
        self._show_title()

    def _show_title(self) -> None:
        image = self.workspace.current_image
        pieces = [Path(image.path).name if image is not None else "", self.workspace.title, "Maskwright"]
        unsaved = self.workspace.saved.state is SavedState.UNSAVED
        self.setWindowTitle(("● " if unsaved else "") + " — ".join(piece for piece in pieces if piece))

    def _show_tool(self, tool: str) -> None:
        self.context_bar.set_tool("roi" if tool == "region_of_interest" else tool, tool_name(tool), tool_help(tool))

    def _drawing_changed(self, drawing: bool) -> None:
        self.drawing = drawing
        self.workspace.note_drawing(drawing)

    def _show_pixel(self, x: float | None, y: float | None) -> None:
        status = self.statusBar()
        assert isinstance(status, StatusBar)
        width, height = self.workspace.image_size
        if self.drawing:
            self.workspace.note_drawing(True)
        if x is None or y is None or not (0 <= x < width and 0 <= y < height):
            status.show_pixel(None)
        else:
            status.show_pixel((int(x), int(y)), self.workspace.value_at(x, y))

    def _proposals_filled(self, filled: bool) -> None:
        self.sections.set_present("proposals", filled)
        if filled:
            self.sections.sections["proposals"].set_folded(False)

    def _go_to_instance(self, instance_id: int) -> None:
        self.workspace.select([instance_id])
        self.canvas.zoom_to_selection()
        self.canvas.setFocus()

    def _adjust(self, chosen: Adjustments) -> None:
        self.canvas.adjust(chosen)

    def _setting_changed(self, name: str) -> None:
        settings = self.workspace.settings
        if name.startswith("canvas.") or name == "appearance.reduce_motion":
            self.link.apply_settings()
        elif name in ("appearance.theme", "appearance.scale"):
            self.set_appearance()
        elif name == "appearance.tool_text":
            self.tools.set_text_visible(settings.flag(name))
        elif name == "shortcuts.preset":
            self.registry.reload_keys()
        elif name == "memory.images_mb":
            self.workspace.image_service.budget_bytes = settings.number(name) * 2**20
        self._refresh.start(0)

    def set_appearance(self) -> None:
        """Apply theme and size from the settings, at once."""
        application = QApplication.instance()
        if isinstance(application, QApplication):
            settings = self.workspace.settings
            themes.apply(application, settings.text("appearance.theme"), settings.number("appearance.scale"))
            # these hold pictures in the old text colour
            self._show_tool(self.canvas.tool)
            self.engine_panel.refresh()
            self.session_bar.refresh()

    def set_theme(self, name: str) -> None:
        self.workspace.settings.set("appearance.theme", name)

    # -- events --------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_QuoteLeft and not event.isAutoRepeat():
            self.canvas.peek(True)
            return
        super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_QuoteLeft and not event.isAutoRepeat():
            self.canvas.peek(False)
            return
        super().keyReleaseEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_dropped(paths)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.canvas.peek(False)

    def closeEvent(self, event: QCloseEvent) -> None:
        losing = self.workspace.lossy_jobs()
        if losing and self.isVisible():
            answer = QMessageBox.question(
                self,
                self.tr("Jobs are running"),
                self.tr("{n} jobs are still running and would be lost.").format(n=len(losing)),
                QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
                QMessageBox.StandardButton.Cancel,
            )
            if answer is not QMessageBox.StandardButton.Close:
                event.ignore()
                return
        self.finish()
        event.accept()

    def finish(self) -> None:
        """Remember the layout, write what is left, end the threads. Does nothing the second time."""
        if self._finished:
            return
        self._finished = True
        self.window_layout.save()
        self.workspace.shut_down()
        if self._close_worker is not None:
            self._close_worker()

    _finished = False
