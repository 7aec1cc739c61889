"""The quality list (F8): what the rules found, by rule; a double-click goes there, *Fix* is one undo step."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.dataset.quality import Finding, Rule, check
from desktop.dataset.store import Project
from desktop.languages import word
from desktop.panels.background import Latest
from desktop.panels.controls import TARGET, explain, soft_label
from desktop.panels.icons import icon
from desktop.panels.words import grouped
from desktop.workspace import Workspace
from desktop.workspace.quality import rule_title

_FINDING = Qt.ItemDataRole.UserRole
MOST_ROWS = 2000
"""Rows of one rule in the list; a person works from the top, the heading has the whole number."""


class QualityPanel(QDialog):
    """Checks in a thread when it opens; stays open beside the window while its findings are worked off."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._findings: list[Finding] = []
        self.setWindowTitle(self.tr("Quality"))
        self.setModal(False)
        self.resize(640, 520)
        self.summary = soft_label("", wrap=True)
        self.list = self._make_list()
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setMaximumHeight(4)
        self.go = QPushButton(icon("search"), self.tr("Go there"))
        self.fix = QPushButton(icon("check"), self.tr("Fix"))
        self.fix_rule = QPushButton(self.tr("Fix all of this rule"))
        self.again = QPushButton(icon("reload"), self.tr("Check again"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.go, self.fix, self.fix_rule, self.again):
            button.setAutoDefault(False)
            button.setMinimumHeight(TARGET)
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(8)
        for widget, stretch in ((self.summary, 0), (self.busy, 0), (self.list, 1)):
            column.addWidget(widget, stretch)
        column.addLayout(row)
        self._latest: Latest[list[Finding]] = Latest(self._show, self._fail, self)
        self.list.itemActivated.connect(lambda _item, _column: self.show_chosen())
        self.list.currentItemChanged.connect(lambda _now, _before: self._update_buttons())
        self.go.clicked.connect(self.show_chosen)
        self.fix.clicked.connect(self.fix_chosen)
        self.fix_rule.clicked.connect(self.fix_all_of_rule)
        self.again.clicked.connect(self.check)
        self.check()

    def _make_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName(self.tr("Findings"))
        tree.setHeaderLabels([self.tr("Finding"), self.tr("Image")])
        tree.setUniformRowHeights(True)
        tree.setStyleSheet(f"QTreeWidget::item {{ min-height: {TARGET}px; }}")
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        tree.header().setStretchLastSection(False)
        tree.header().resizeSection(1, 180)
        return tree

    def check(self) -> None:
        """Run the rules on the whole project."""
        project = self._workspace.project
        if project is None:
            self._show([])
            self.summary.setText(self.tr("Nothing is open that could be checked."))
            return
        self.summary.setText(self.tr("Checking…"))
        self.busy.show()
        self._latest.ask(partial(_findings, project))

    def _fail(self, error: Exception) -> None:
        self._show([])
        self.summary.setText(str(error))

    def _show(self, findings: list[Finding]) -> None:
        self.busy.hide()
        self._findings = findings
        self._workspace.take_findings(finding.image_id for finding in findings)
        names = {image.id: image.path for image in self._workspace.images}
        self.list.clear()
        for rule in Rule:
            found = [finding for finding in findings if finding.rule is rule]
            if not found:
                continue
            title = f"{rule_title(rule)} ({grouped(len(found))})"
            heading = QTreeWidgetItem(self.list, [title])
            heading.setFirstColumnSpanned(True)
            heading.setData(0, Qt.ItemDataRole.AccessibleTextRole, title)
            for finding in found[:MOST_ROWS]:
                item = QTreeWidgetItem(
                    heading, [word(finding.sentence).format_map(finding.values), names.get(finding.image_id, "")]
                )
                item.setData(0, _FINDING, finding)
                item.setToolTip(1, names.get(finding.image_id, ""))
                if finding.fix:
                    item.setIcon(0, icon("check"))
            heading.setExpanded(len(found) <= 50)
        count = len(findings)
        fixable = sum(bool(finding.fix) for finding in findings)
        text = self.tr("{n} findings, {m} of them can be fixed at once.") if count else self.tr("Nothing was found.")
        self.summary.setText(text.format(n=grouped(count), m=grouped(fixable)))
        self._update_buttons()

    def chosen(self) -> Finding | None:
        """The finding of the current row; None on a heading."""
        item = self.list.currentItem()
        found = item.data(0, _FINDING) if item is not None else None
        return found if isinstance(found, Finding) else None

    def show_chosen(self) -> None:
        finding = self.chosen()
        if finding is not None:
            self._workspace.show_finding(finding)

    def fix_chosen(self) -> None:
        finding = self.chosen()
        if finding is None:
            return
        problem = self._workspace.fix_finding(finding)
        if problem:
            self.summary.setText(problem)
        else:
            self.check()

    def fix_all_of_rule(self) -> None:
        """Fix what can be fixed of the chosen rule; of two findings about one instance the second waits."""
        finding = self.chosen()
        if finding is None:
            return
        touched: set[int] = set()
        problem = ""
        for each in self._findings:
            if each.rule is finding.rule and each.fix and touched.isdisjoint(each.instance_ids):
                problem = self._workspace.fix_finding(each)
                if problem:
                    break
                touched.update(each.instance_ids)
        if problem:
            self.summary.setText(problem)
        else:
            self.check()

    def _update_buttons(self) -> None:
        finding = self.chosen()
        nothing = self.tr("Choose a finding first.") if finding is None else ""
        explain(self.go, nothing)
        hand = self.tr("This has to be put right by hand.") if finding is not None and not finding.fix else ""
        explain(self.fix, nothing or self._workspace.read_only or hand)
        explain(self.fix_rule, nothing or self._workspace.read_only or hand)

    def done(self, result: int) -> None:
        self._latest.forget()
        super().done(result)


def _findings(project: Project) -> list[Finding]:
    return list(check(project))
