"""The engine panel: who answers, what it takes, how fast it is here, its state, and the device (ux.md §2.1)."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPalette, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.controls import GAP, TARGET, ElidedLabel, explain, soft_label
from desktop.panels.icons import icon
from desktop.workspace import EngineStatus, Workspace
from inference.engine import Capability, EngineSpec
from inference.messages import EngineState
from inference.prompts import PromptKind

_NAME = Qt.ItemDataRole.UserRole
_STATUS = Qt.ItemDataRole.UserRole + 1
_ICON = 14

_TAKES = (
    (PromptKind.POINT, "point"),
    (PromptKind.BOX, "box"),
    (PromptKind.SCRIBBLE, "scribble"),
    (PromptKind.TEXT, "text"),
    (PromptKind.REFERENCE, "reference"),
    (PromptKind.MASK, "mask"),
)


def accepted_icons(spec: EngineSpec) -> tuple[str, ...]:
    """Icon names of what an engine takes, in the fixed order of the chooser (whole image last)."""
    taken = [name for kind, name in _TAKES if kind in spec.prompts]
    return (*taken, "everything") if Capability.EVERYTHING in spec.capabilities else tuple(taken)


class EnginePanel(QWidget):
    """Choice of engines and what they are doing.

    ``diagnostics_requested`` is the *Why?* link; ``locate_requested`` carries the engine's name (*Locate weights…*);
    ``details_requested`` asks for the report of a failed engine.
    """

    diagnostics_requested = Signal()
    locate_requested = Signal(str)
    details_requested = Signal(str)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setObjectName("engine_panel")
        self.setAccessibleName(self.tr("Engine"))
        self._find = self._chooser(self.tr("Find with"), self.tr("The engine that answers the first prompts."))
        self._refine = self._chooser(
            self.tr("Refine with"), self.tr("The engine that answers once there is a mask to correct.")
        )
        self._find.activated.connect(lambda i: workspace.set_find_with(self._find.itemData(i, _NAME)))
        self._refine.activated.connect(lambda i: workspace.set_refine_with(self._refine.itemData(i, _NAME)))
        self._state_icon = QLabel()
        self._state_icon.setFixedSize(16, 16)
        self._state = ElidedLabel()
        self._state.setMinimumHeight(TARGET)
        self._speed = soft_label()
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setFixedHeight(4)
        self._adds = soft_label(wrap=True)
        self._action = QPushButton()
        self._action.clicked.connect(self._act)
        self._details = QPushButton(self.tr("Details"))
        self._details.setAccessibleName(self.tr("Details of the failure"))
        self._details.clicked.connect(self._show_details)
        self._compare = QToolButton()
        self._compare.setIcon(icon("compare"))
        self._compare.setAccessibleName(self.tr("Compare with another engine"))
        self._compare.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._compare.setMinimumHeight(TARGET)
        self._compare.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._compare.setMenu(QMenu(self._compare))
        self._device = ElidedLabel()
        self._device.setProperty("soft", "true")
        self._why = QLabel(f'<a href="why">{self.tr("Why?")}</a>')
        self._why.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByKeyboard | Qt.TextInteractionFlag.LinksAccessibleByMouse
        )
        self._why.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._why.setAccessibleName(self.tr("Why this device?"))
        self._why.setMinimumHeight(TARGET)
        self._why.linkActivated.connect(lambda _link: self.diagnostics_requested.emit())
        self._ignored = QLabel()
        self._ignored.setWordWrap(True)
        self._ignored.setAccessibleName(self.tr("Ignored prompts"))
        self._build()
        workspace.engines_changed.connect(self.refresh)
        workspace.session_changed.connect(self._show_ignored)
        self.refresh()

    def _chooser(self, name: str, tip: str) -> QComboBox:
        box = QComboBox()
        box.setModel(QStandardItemModel(box))
        box.setItemDelegate(_EngineDelegate(box))
        box.setAccessibleName(name)
        box.setToolTip(tip)
        box.setMinimumHeight(26)
        box.setMinimumContentsLength(8)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.view().setMinimumWidth(280)
        return box

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(GAP)
        grid.setColumnStretch(1, 1)
        for row, (text, box) in enumerate(((self.tr("Find with"), self._find), (self.tr("Refine with"), self._refine))):
            label = QLabel(text)
            label.setBuddy(box)
            grid.addWidget(label, row, 0)
            grid.addWidget(box, row, 1)
        state = QHBoxLayout()
        state.setSpacing(6)
        state.addWidget(self._state_icon)
        state.addWidget(self._state, 1)
        state.addWidget(self._speed)
        state.addWidget(self._compare)
        device = QHBoxLayout()
        device.setSpacing(GAP)
        device.addWidget(self._device, 1)
        device.addWidget(self._why)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 8, 6)
        column.setSpacing(GAP)
        column.addLayout(grid)
        column.addLayout(state)
        column.addWidget(self._progress)
        column.addWidget(self._adds)
        actions = QHBoxLayout()
        actions.setSpacing(8)
        actions.addWidget(self._action)
        actions.addWidget(self._details)
        actions.addStretch(1)
        column.addLayout(actions)
        column.addLayout(device)
        column.addWidget(self._ignored)

    def refresh(self) -> None:
        engines = list(self._workspace.engines)
        self._fill(self._find, engines, self._workspace.find_with)
        self._fill(self._refine, engines, self._workspace.refine_with)
        self._show_status(self._status())
        device = self._workspace.device
        self._device.set_full_text(
            _device_text(device.name, device.reason) if device else self.tr("Device not known yet")
        )
        self._why.setVisible(device is not None and bool(device.reason))
        self._show_ignored()

    def _fill(self, box: QComboBox, engines: list[EngineStatus], chosen: str) -> None:
        model = box.model()
        if not isinstance(model, QStandardItemModel):
            return
        box.blockSignals(True)
        model.clear()
        for status in engines:
            item = QStandardItem(status.spec.title)
            item.setData(status.spec.name, _NAME)
            item.setData(status, _STATUS)
            item.setToolTip(f"{status.spec.title}: {self.state_text(status)}\n{status.spec.adds}")
            model.appendRow(item)
        box.setCurrentIndex(next((i for i, s in enumerate(engines) if s.spec.name == chosen), -1))
        box.blockSignals(False)
        explain(box, "" if engines else self.tr("The worker has not listed its engines yet."), box.toolTip())

    def _status(self) -> EngineStatus | None:
        session = self._workspace.session
        name = session.engine if session is not None and session.engine else self._workspace.find_with
        return next((status for status in self._workspace.engines if status.spec.name == name), None)

    def _show_status(self, status: EngineStatus | None) -> None:
        for widget in (self._progress, self._adds, self._action, self._details):
            widget.hide()
        if status is None:
            self._state.set_full_text(self.tr("No engine"))
            self._state_icon.clear()
            self._speed.clear()
            return
        ready = status.state is EngineState.READY
        encoded = self.tr("image encoded") if status.features_here else self.tr("image not encoded yet")
        self._state.set_full_text(f"{self.state_text(status)} · {encoded}" if ready else self.state_text(status))
        self._state_icon.setPixmap(icon(_STATE_ICONS[status.state]).pixmap(16, 16))
        self._speed.setText(self.speed_text(status.spec))
        busy = status.state in (EngineState.LOADING, EngineState.ENCODING, EngineState.RUNNING)
        self._progress.setVisible(busy)
        self._progress.setRange(0, 100 if status.fraction is not None else 0)
        self._progress.setValue(round(100 * (status.fraction or 0)))
        if status.state is EngineState.NOT_INSTALLED:
            self._adds.setText(status.spec.adds)
            self._adds.show()
            self._offer(self.tr("Locate weights…"))
        elif status.state is EngineState.FAILED:
            self._offer(self.tr("Reload"))
            self._details.show()

    def _offer(self, text: str) -> None:
        self._action.setText(text)
        self._action.setAccessibleName(text)
        self._action.show()

    def _act(self) -> None:
        status = self._status()
        if status is None:
            return
        if status.state is EngineState.NOT_INSTALLED:
            self.locate_requested.emit(status.spec.name)
        else:
            self._workspace.reload_engine(status.spec.name)

    def _show_details(self) -> None:
        status = self._status()
        if status is not None:
            self.details_requested.emit(status.spec.name)

    def _show_compare(self) -> None:
        """Only while a session is open: its prompts go to a second engine, whose masks join the candidates."""
        session = self._workspace.session
        self._compare.setVisible(session is not None)
        if session is None:
            return
        others = [s.spec for s in self._workspace.engines if s.usable and s.spec.name != session.engine]
        menu = self._compare.menu()
        menu.clear()
        for spec in others:
            menu.addAction(spec.title, partial(self._workspace.compare, spec.name))
        reason = "" if others else self.tr("No second engine is installed.")
        explain(self._compare, reason, self.tr("Run this session on a second engine and add its masks"))

    def _show_ignored(self) -> None:
        self._show_compare()
        session = self._workspace.session
        if session is None or not session.ignored:
            self._ignored.hide()
            return
        title = next((s.spec.title for s in self._workspace.engines if s.spec.name == session.engine), session.engine)
        what = ", ".join(self.tr("%1 × %2").replace("%1", str(i.count)).replace("%2", i.kind) for i in session.ignored)
        self._ignored.setText(self.tr("Ignored by %1: %2").replace("%1", title).replace("%2", what))
        self._ignored.show()

    def state_text(self, status: EngineStatus) -> str:
        """The words of ux.md §2.1 for a state."""
        percent = f" {round(100 * status.fraction)} %" if status.fraction is not None else ""
        match status.state:
            case EngineState.NOT_INSTALLED:
                return self.tr("Not installed")
            case EngineState.AVAILABLE:
                return self.tr("Available")
            case EngineState.LOADING:
                return self.tr("Loading%1").replace("%1", percent)
            case EngineState.READY:
                return self.tr("Ready")
            case EngineState.ENCODING:
                return self.tr("Encoding image%1").replace("%1", percent)
            case EngineState.RUNNING:
                return self.tr("Running %1").replace("%1", status.message or percent.strip()).strip()
            case EngineState.FAILED:
                return self.tr("Failed — %1").replace("%1", status.message or self.tr("details"))

    def speed_text(self, spec: EngineSpec) -> str:
        """The speed class in one word."""
        words = {"instant": self.tr("instant"), "seconds": self.tr("seconds"), "minutes": self.tr("minutes")}
        return words[spec.speed.value]


_STATE_ICONS = {
    EngineState.NOT_INSTALLED: "import",
    EngineState.AVAILABLE: "engine",
    EngineState.LOADING: "hourglass",
    EngineState.READY: "done",
    EngineState.ENCODING: "hourglass",
    EngineState.RUNNING: "run",
    EngineState.FAILED: "error",
}
_SPEED_ICONS = {"instant": "bolt", "seconds": "clock", "minutes": "hourglass"}


def _device_text(name: str, reason: str) -> str:
    return f"{name} — {reason}" if reason else name


class _EngineDelegate(QStyledItemDelegate):
    """A row of the chooser: title, state of what is not ready, then the icons of what it takes and its speed."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(280, max(28, option.fontMetrics.height() + 10))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        status = index.data(_STATUS)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.fillRect(option.rect, option.palette.color(QPalette.ColorRole.Midlight))
        if not isinstance(status, EngineStatus):
            return
        group = QPalette.ColorGroup.Active if status.usable else QPalette.ColorGroup.Disabled
        painter.setPen(option.palette.color(group, QPalette.ColorRole.Text))
        names = (*accepted_icons(status.spec), _SPEED_ICONS[status.spec.speed.value])
        width = len(names) * (_ICON + GAP)
        text = option.rect.adjusted(8, 0, -width - 12, 0)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, status.spec.title)
        x = option.rect.right() - width - 4
        for name in names:
            y = option.rect.center().y() - _ICON // 2
            icon(name).paint(painter, QRect(x, y, _ICON, _ICON))
            x += _ICON + GAP
