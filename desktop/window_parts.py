"""The parts of the main window and where they are (ux.md §2): canvas, docks, menus, tool bar."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from desktop.canvas.view import CanvasView
from desktop.commands.titles import TOOL_FAMILIES
from desktop.notices import NoticeBar
from desktop.panels.adjustments_panel import AdjustmentsPanel
from desktop.panels.class_chooser import ClassChooser
from desktop.panels.classes_panel import ClassesPanel
from desktop.panels.context_bar import ContextBar
from desktop.panels.controls import plain
from desktop.panels.details_panel import DetailsPanel
from desktop.panels.empty_state import EmptyWindowPage
from desktop.panels.engine_panel import EnginePanel
from desktop.panels.history_panel import HistoryPanel
from desktop.panels.image_strip import ImageStrip
from desktop.panels.instances_panel import InstancesPanel
from desktop.panels.jobs_popover import JobsPopover
from desktop.panels.prompts_panel import PromptsPanel
from desktop.panels.section import Section, SectionColumn
from desktop.panels.session_bar import SessionBar
from desktop.panels.tool_bar import ToolsBar
from desktop.window_dialogs import WindowDialogs
from desktop.window_layout import WindowLayout
from desktop.window_proposals import ProposalsPanel
from desktop.window_reference import ReferencePane

MENUS = ("File", "Edit", "View", "Image", "Object", "Engine", "Review", "Help")


class WindowParts(WindowDialogs):
    """Makes the parts of the window; what they do when something happens is in the classes built on this one."""

    window_layout: WindowLayout
    _refresh: QTimer
    """Lets every command say anew whether it can run, once the window is idle."""

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
        self.details_panel = DetailsPanel(self.workspace)
        self.history = HistoryPanel(self.workspace)
        self.adjustments = AdjustmentsPanel()
        self.sections = SectionColumn()
        for section in (
            Section("engine", self.tr("Engine"), "engine", self.engine_panel),
            Section("prompts", self.tr("Prompts"), "prompts", self.prompts_panel),
            Section("proposals", self.tr("Proposals"), "review", self.proposals_panel, stretch=1),
            Section("classes", self.tr("Classes"), "class", self.classes_panel, stretch=2),
            Section("instances", self.tr("Instances"), "instances", self.instances_panel, stretch=3),
            Section("details", self.tr("Details"), "info", self.details_panel),
            Section("history", self.tr("History"), "history", self.history),
            Section("adjustments", self.tr("Image adjustments"), "adjustments", self.adjustments),
        ):
            self.sections.add(section)
        for name in ("details", "history", "adjustments"):
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
                action = recent.addAction(plain(f"{path.stem} — {path.parent}"))
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
