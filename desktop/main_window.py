"""The main window: where things are (ux.md §2). What they do is in the workspace and in :mod:`desktop.commands`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QInputDialog,
    QMenu,
    QMessageBox,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop import themes
from desktop.actions import ActionRegistry
from desktop.canvas.view import CanvasView
from desktop.canvas_link import CanvasLink
from desktop.commands import TOOL_FAMILIES, commands, tool_help, tool_name
from desktop.dataset.model import ImageState
from desktop.notices import NoticeBar
from desktop.panels.adjustments_panel import Adjustments, AdjustmentsPanel
from desktop.panels.class_chooser import ClassChooser
from desktop.panels.classes_panel import ClassesPanel
from desktop.panels.context_bar import ContextBar
from desktop.panels.empty_state import EmptyWindowPage
from desktop.panels.engine_panel import EnginePanel
from desktop.panels.history_panel import HistoryPanel
from desktop.panels.icons import icon
from desktop.panels.image_strip import ImageStrip
from desktop.panels.instances_panel import InstancesPanel
from desktop.panels.jobs_popover import JobsPopover
from desktop.panels.prompts_panel import PromptsPanel
from desktop.panels.section import Section, SectionColumn
from desktop.panels.session_bar import SessionBar
from desktop.panels.status_bar import StatusBar
from desktop.panels.tool_bar import ToolsBar
from desktop.settings import user_state_folder
from desktop.window_dialogs import WindowDialogs
from desktop.window_layout import DEFAULT_SIZE, MINIMUM_SIZE, WindowLayout
from desktop.window_proposals import ProposalsPanel
from desktop.window_reference import ReferencePane
from desktop.workspace import EngineStatus, Notice, SavedState, Severity, Workspace

MENUS = ("File", "Edit", "View", "Image", "Object", "Engine", "Review", "Help")
STRIP_HEIGHT, STRIP_WIDTH = 148, 176
"""Of the image strip at the bottom, and at the left."""
NARROW = 1180
"""Below this width, px, the right column shrinks to icons."""


class MainWindow(WindowDialogs):
    """Builds the window round a workspace. Closing it writes everything; worker and threads end in :meth:`finish`."""

    def __init__(self, workspace: Workspace, close_worker: Callable[[], object] | None = None) -> None:
        super().__init__()
        self.workspace = workspace
        self._close_worker = close_worker
        self._narrow: bool | None = None
        self._hidden_by_f11: list[QWidget] = []
        self.drawing = False
        self._resume_tool = "select"
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

    # -- building ------------------------------------------------------------------------------------------------

    def _build_centre(self) -> None:
        self.canvas = CanvasView()
        self.context_bar = ContextBar(self.workspace)
        self.notices = NoticeBar()
        self.session_bar = SessionBar(self.workspace, self.canvas)
        work = QWidget()
        column = QVBoxLayout(work)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.context_bar)
        column.addWidget(self.canvas, 1)
        self.reference_pane = ReferencePane(self.workspace)
        self._side_by_side = QSplitter(Qt.Orientation.Horizontal)
        self._side_by_side.setChildrenCollapsible(False)
        self._side_by_side.addWidget(work)
        self._side_by_side.addWidget(self.reference_pane)
        self.empty_page = EmptyWindowPage(self.workspace)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty_page)
        self.pages.addWidget(self._side_by_side)
        centre = QWidget()
        outer = QVBoxLayout(centre)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.notices)
        outer.addWidget(self.pages, 1)
        self.setCentralWidget(centre)

    def _build_docks(self) -> None:
        self.engine_panel = EnginePanel(self.workspace)
        self.prompts_panel = PromptsPanel(self.workspace)
        self.classes_panel = ClassesPanel(self.workspace)
        self.instances_panel = InstancesPanel(self.workspace)
        self.proposals_panel = ProposalsPanel(self.workspace)
        self.history = HistoryPanel(self.workspace)
        self.adjustments = AdjustmentsPanel()
        self.sections = SectionColumn()
        for section in (
            Section("engine", self.tr("Engine"), "engine", self.engine_panel),
            Section("prompts", self.tr("Prompts"), "prompts", self.prompts_panel),
            Section("proposals", self.tr("Proposals"), "review", self.proposals_panel, stretch=1),
            Section("classes", self.tr("Classes"), "class", self.classes_panel, stretch=2),
            Section("instances", self.tr("Instances"), "instances", self.instances_panel, stretch=3),
            Section("history", self.tr("History"), "history", self.history),
            Section("adjustments", self.tr("Image adjustments"), "adjustments", self.adjustments),
        ):
            self.sections.add(section)
        for name in ("history", "adjustments"):
            self.sections.sections[name].set_folded(True)
        self.sections.set_present("proposals", False)
        self.panel_dock = self._dock("panels_dock", self.tr("Panels"), self.sections)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.panel_dock)
        self.strip = ImageStrip(self.workspace)
        self.strip_dock = self._dock("strip_dock", self.tr("Images"), self.strip)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.strip_dock)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.chooser = ClassChooser(self.workspace, self)
        self.jobs = JobsPopover(self.workspace, self)

    def _dock(self, name: str, title: str, widget: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        dock.setTitleBarWidget(QWidget(dock))
        dock.setWidget(widget)
        return dock

    def _build_menus(self) -> None:
        menus: dict[str, QMenu] = {}
        for name in MENUS:
            menus[name] = self.menuBar().addMenu(self.tr(name))
            menus[name].setToolTipsVisible(True)
        last: dict[str, int] = {}
        for command in self.registry.commands:
            if not command.menu:
                continue
            path = command.menu
            if path not in menus:
                parent, _, title = path.partition("/")
                if last.get(parent, command.group) != command.group:
                    menus[parent].addSeparator()
                last[parent] = command.group
                menus[path] = menus[parent].addMenu(self.tr(title))
                menus[path].setToolTipsVisible(True)
            elif last.get(path, command.group) != command.group:
                menus[path].addSeparator()
            last[path] = command.group
            menus[path].addAction(self.registry.action(command.id))
        for menu in menus.values():
            menu.aboutToShow.connect(self.registry.refresh)
        self._add_recent(menus["File"])

    def _add_recent(self, file_menu: QMenu) -> None:
        recent = QMenu(self.tr("Recent projects"), self)
        file_menu.insertMenu(self.registry.action("file.sample"), recent)

        def fill() -> None:
            recent.clear()
            for path in self.workspace.recent_projects():
                action = recent.addAction(f"{path.stem} — {path.parent}")
                action.triggered.connect(lambda _checked=False, path=path: self.workspace.open_project(path))
            if recent.isEmpty():
                recent.addAction(self.tr("None yet")).setEnabled(False)

        recent.aboutToShow.connect(fill)

    def _build_tool_bar(self) -> None:
        families = [[self.registry.action(name) for name in family] for family in TOOL_FAMILIES]
        self.tools = ToolsBar(families, self)
        # the pane stays open beside whichever tool is current
        reference = self.registry.action("tool.reference")
        reference.actionGroup().removeAction(reference)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self.tools)
        self.tools.set_text_visible(self.workspace.settings.flag("appearance.tool_text"))

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
            ws.proposals_changed, ws.region_of_interest_changed, ws.pixels_changed, self.canvas.tool_changed,
            self.canvas.drawing_changed,
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
        for panel in (self.strip, self.prompts_panel, self.classes_panel, self.instances_panel, self.proposals_panel):
            panel.left.connect(self.canvas.setFocus)
        self.instances_panel.activated.connect(self._go_to_instance)
        self.instances_panel.summary_changed.connect(self.sections.sections["instances"].set_summary)
        self.session_bar.class_wanted.connect(self.chooser.open_at)
        self.chooser.chosen.connect(self._class_chosen)
        self.proposals_panel.filled.connect(self._proposals_filled)
        self.reference_pane.closed.connect(self._reference_chosen)
        self.prompts_panel.class_of_phrase = ws.class_of_phrase
        status.jobs_requested.connect(self.jobs.open_above)
        status.save_details_requested.connect(self._save_details)
        status.zoom_requested.connect(self.canvas.zoom_to_100)
        self.engine_panel.locate_requested.connect(self.tell_weights)
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

    def _show_pixel(self, x: float | None, y: float | None) -> None:
        status = self.statusBar()
        assert isinstance(status, StatusBar)
        width, height = self.workspace.image_size
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
        self.canvas.adjustments(
            chosen.brightness, chosen.contrast, chosen.gamma, chosen.invert, getattr(chosen, "channel", "rgb")
        )

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

    # -- tools and the session -----------------------------------------------------------------------------------

    def choose_tool(self, name: str) -> None:
        if name == "reference":
            self.toggle_reference()
            return
        self.canvas.set_tool(name)
        if name == "text":
            self.focus_text()
        else:
            self.canvas.setFocus()

    def toggle_reference(self) -> None:
        """Open the reference pane beside the canvas, or close it."""
        if self.reference_pane.isVisible():
            self.reference_pane.leave()
        else:
            self.canvas.finish_drawing()
            self.reference_pane.open()
            share = self._side_by_side.width() // 5
            self._side_by_side.setSizes([3 * share, 2 * share])
        self._refresh.start(0)

    def _reference_chosen(self) -> None:
        self.canvas.setFocus()
        self._refresh.start(0)

    def focus_text(self) -> None:
        if self.sections.is_compact:
            self.sections.set_compact(False)
        self.sections.sections["prompts"].set_folded(False)
        self.panel_dock.show()
        self.prompts_panel.focus_text()

    def toggle_region(self) -> None:
        """Mark a region of interest, or leave the one that is marked."""
        if self.workspace.region_of_interest is not None:
            self.workspace.set_region_of_interest(None)
        else:
            self._resume_tool = self.canvas.tool
            self.canvas.set_tool("region_of_interest")

    def accept(self) -> None:
        """Enter: finish the drawing on the canvas, else run what was not asked yet, else accept the session."""
        if self.canvas.finish_drawing():
            return
        if self.workspace.can_accept() and not self.cannot_ask():
            self.workspace.run()
        else:
            self.workspace.accept()

    def cannot_ask(self) -> str:
        """Empty when Enter can run the session, which has no mask yet; else why not."""
        session = self.workspace.session
        if session is None or session.busy or session.candidate is not None:
            return self.workspace.can_accept()
        return self.workspace.can_run()

    def accept_next(self) -> None:
        if not self.canvas.finish_drawing():
            self.workspace.accept(start_next=True)

    def accept_with_class(self) -> None:
        """Shift+Enter: choose the class from a type-ahead at the cursor, then accept."""
        self._accept_after_choice = True
        self.chooser.open_at(self.cursor().pos())

    def _class_chosen(self, category_id: int) -> None:
        self.workspace.set_current_category(category_id)
        if getattr(self, "_accept_after_choice", False):
            self.workspace.accept(category_id)
        self._accept_after_choice = False
        self.canvas.setFocus()

    def escape(self) -> None:
        """Esc in layers: the drawing, the request, the session, the region, the selection."""
        if self.canvas.cancel_drawing() or self.workspace.cancel():
            return
        if self.canvas.tool == "region_of_interest":
            self.canvas.set_tool(self._resume_tool)
        elif self.workspace.region_of_interest is not None:
            self.workspace.set_region_of_interest(None)
        else:
            self.workspace.select([])

    def swap_polarity(self) -> None:
        options = self.workspace.options
        self.workspace.change_options(replace(options, positive=not options.positive))

    def compare(self) -> None:
        """Ask which other engine shall answer the same prompts."""
        titles = {s.spec.title: s.spec.name for s in self._comparable()}
        title, chosen = QInputDialog.getItem(
            self, self.tr("Compare"), self.tr("Run the same prompts on"), list(titles), 0, False
        )
        if chosen:
            self.workspace.compare(titles[title])

    def _comparable(self) -> list[EngineStatus]:
        session = self.workspace.session
        here = session.engine if session is not None else ""
        return [s for s in self.workspace.engines if s.usable and s.spec.name != here]

    def can_compare(self) -> str:
        if self.workspace.session is None:
            return self.tr("There is no open session: prompt something first.")
        return "" if self._comparable() else self.tr("No other engine is installed.")

    def mark_image(self, state: str) -> None:
        image = self.workspace.current_image
        if image is not None:
            self.workspace.set_image_state([image.id], ImageState(state))

    def needs_image(self) -> str:
        return "" if self.workspace.current_image is not None else self.tr("No image is open.")

    def needs_instances(self) -> str:
        return "" if self.workspace.instances else self.tr("There are no instances in this image.")

    def _context_menu(self, x: int, y: int) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        self.registry.refresh()
        names = (
            "object.refine", "object.edit", "", "edit.copy", "edit.paste", "edit.duplicate", "edit.delete", "",
            "object.union", "object.subtract", "object.split", "object.fill_holes", "", "object.front", "object.back",
            "object.hide", "object.lock", "", "view.fit", "view.fit_selection",
        )  # fmt: skip
        for name in names:
            if name:
                menu.addAction(self.registry.action(name))
            else:
                menu.addSeparator()
        menu.popup(QPoint(x, y))

    # -- layout --------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        if narrow != self._narrow:
            self._narrow = narrow
            self.sections.set_compact(narrow)
            self._panel_width(narrow)
            self.tools.set_text_visible(not narrow and self.workspace.settings.flag("appearance.tool_text"))

    def _panel_width(self, compact: bool) -> None:
        self.resizeDocks([self.panel_dock], [SectionColumn.RAIL_WIDTH if compact else 312], Qt.Orientation.Horizontal)

    def toggle_panels(self) -> None:
        self.panel_dock.setVisible(not self.panel_dock.isVisible())

    def toggle_strip(self) -> None:
        self.strip_dock.setVisible(not self.strip_dock.isVisible())

    def strip_is_left(self) -> bool:
        return self.dockWidgetArea(self.strip_dock) is Qt.DockWidgetArea.LeftDockWidgetArea

    def toggle_strip_side(self) -> None:
        self.set_strip_left(not self.strip_is_left())

    def set_strip_left(self, left: bool) -> None:
        """Put the image strip in a column at the left, or in a row at the bottom."""
        visible = self.strip_dock.isVisible()
        areas = Qt.DockWidgetArea
        self.addDockWidget(areas.LeftDockWidgetArea if left else areas.BottomDockWidgetArea, self.strip_dock)
        self.strip.set_vertical(left)
        if left:
            self.resizeDocks([self.strip_dock], [STRIP_WIDTH], Qt.Orientation.Horizontal)
        self.strip_dock.setVisible(visible)

    def toggle_tool_text(self) -> None:
        settings = self.workspace.settings
        settings.set("appearance.tool_text", not settings.flag("appearance.tool_text"))

    def toggle_history(self) -> None:
        self._toggle_section("history")

    def toggle_adjustments(self) -> None:
        self._toggle_section("adjustments")

    def _toggle_section(self, name: str) -> None:
        section = self.sections.sections[name]
        if section.is_folded or not section.isVisible():
            self.panel_dock.show()
            self.sections.open_section(name)
        else:
            section.set_folded(True)

    def toggle_all_panels(self) -> None:
        """F11: only image and menus; again brings everything back."""
        if self._hidden_by_f11:
            for widget in self._hidden_by_f11:
                widget.show()
            self._hidden_by_f11 = []
            return
        parts: tuple[QWidget, ...] = (self.panel_dock, self.strip_dock, self.tools, self.context_bar)
        self._hidden_by_f11 = [widget for widget in parts if widget.isVisible()]
        for widget in self._hidden_by_f11:
            widget.hide()

    def reset_layout(self) -> None:
        self.toggle_all_panels() if self._hidden_by_f11 else None
        self.window_layout.reset()

    def move_focus(self, step: int) -> None:
        """F6: canvas, right column, image strip, tools, and round again."""
        stops: list[tuple[QWidget, QWidget]] = [
            (self.canvas, self.canvas),
            (self.panel_dock, self.prompts_panel),
            (self.strip_dock, self.strip),
            (self.tools, self.tools),
        ]
        stops = [(area, target) for area, target in stops if area.isVisible()]
        if not stops:
            return
        focus = QApplication.focusWidget()
        here = next((i for i, (area, _) in enumerate(stops) if focus is not None and area.isAncestorOf(focus)), -1)
        if focus is self.canvas:
            here = 0
        area, target = stops[(here + step) % len(stops)]
        if target.focusPolicy() is Qt.FocusPolicy.NoFocus and target.focusProxy() is None:
            inner = next((w for w in area.findChildren(QWidget) if _takes_focus(w)), None)
            target = inner or target
        target.setFocus(Qt.FocusReason.TabFocusReason)

    def focus_image_filter(self) -> None:
        self.strip_dock.show()
        self.strip.focus_search()

    def focus_class_filter(self) -> None:
        self.panel_dock.show()
        self.sections.open_section("classes")
        self.classes_panel.focus_filter()

    def add_class(self) -> None:
        self.classes_panel.add_class()

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
            self.workspace.open_paths(paths)

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


def _takes_focus(widget: QWidget) -> bool:
    return widget.isVisible() and widget.isEnabled() and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
