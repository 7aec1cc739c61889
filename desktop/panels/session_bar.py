"""The bar that floats above the canvas while a session is open: accept, discard, candidates, hint (ux.md §4)."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout

from desktop.canvas.tools.prompting import anchor_of
from desktop.canvas.transform import Rect
from desktop.canvas.view import CanvasView
from desktop.panels.controls import GAP, ElidedLabel, explain, icon_button, plain
from desktop.panels.icons import icon
from desktop.panels.label_suggestion import LabelSuggestionButton
from desktop.workspace import SessionInfo, Workspace
from inference.prompts import Box

_MARGIN = 16
_MARKER = 10
"""View pixels round a prompt that its marker takes."""

_NAME_WIDTH = 160
"""Of a class name on its button, px; a longer one is shortened."""


class SessionBar(QFrame):
    """A child of the canvas, at its lower edge, or at its upper one where it would cover the object; hides without a
    session.

    ``class_wanted`` asks for the class chooser (a click on the class; ``Shift+Enter`` goes through the actions).
    """

    class_wanted = Signal(QPoint)

    def __init__(self, workspace: Workspace, canvas: CanvasView) -> None:
        super().__init__(canvas)
        self._workspace = workspace
        self._canvas = canvas
        self.setObjectName("session_bar")
        self.setAccessibleName(self.tr("Session"))
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._accept = QPushButton(icon("accept"), self.tr("Accept"))
        self._accept.setAccessibleName(self.tr("Accept"))
        self._accept.setDefault(False)
        self._accept.setProperty("primary", "true")
        self._accept.setMinimumHeight(28)
        self._class = QPushButton()
        self._class.setMinimumHeight(28)
        self._class.setAccessibleName(self.tr("Class of the new instance"))
        self._label = LabelSuggestionButton(workspace)
        self._previous = icon_button("previous", self.tr("Previous candidate (Shift+C)"))
        self._next = icon_button("next", self.tr("Next candidate (C)"))
        self._count = QLabel()
        self._count.setAccessibleName(self.tr("Candidate"))
        self._discard = icon_button("discard", self.tr("Discard the session (Esc)"))
        self._discard.setMinimumSize(28, 28)
        self._hint = ElidedLabel()
        self._hint.setProperty("soft", "true")
        self._busy = QProgressBar()
        self._busy.setTextVisible(False)
        self._busy.setFixedHeight(3)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        for widget in (self._accept, self._class, self._label, self._previous, self._count, self._next):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self._discard)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 6)
        column.setSpacing(GAP)
        column.addLayout(row)
        column.addWidget(self._hint)
        column.addWidget(self._busy)
        self._accept.clicked.connect(lambda: workspace.accept())
        self._discard.clicked.connect(workspace.discard)
        self._previous.clicked.connect(lambda: workspace.cycle_candidate(-1))
        self._next.clicked.connect(lambda: workspace.cycle_candidate(1))
        self._class.clicked.connect(lambda: self.class_wanted.emit(self._class.mapToGlobal(QPoint(0, 0))))
        # Enter belongs to the canvas; the buttons are reached with F6 and Tab
        for button in (self._accept, self._class):
            button.setAutoDefault(False)
        canvas.installEventFilter(self)
        self._at_top = False
        # the canvas hears of the session after this bar, and traces large outlines later still
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._place)
        for signal in (canvas.gesture_settled, canvas.session_layer.changed):
            signal.connect(lambda: self._later.start(0))
        canvas.cursor_moved.connect(self._pointer_at)
        workspace.session_changed.connect(self.refresh)
        workspace.current_category_changed.connect(self.refresh)
        workspace.categories_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        session = self._workspace.session
        self.setVisible(session is not None)
        if session is None:
            return
        reason = self._workspace.can_accept()
        explain(self._accept, reason, self.tr("Accept (Enter or F)"))
        on_accent = self.palette().color(QPalette.ColorRole.HighlightedText).name()
        self._accept.setIcon(icon("accept") if reason else icon("accept", on_accent))
        many = len(session.candidates) > 1
        candidate = session.candidate
        for widget in (self._previous, self._next):
            widget.setVisible(many)
        self._count.setVisible(candidate is not None)
        if candidate is not None:
            place = f"{session.chosen + 1}/{len(session.candidates)}  " if many else ""
            self._count.setText(f"{place}{candidate.score:.2f}")
        self._show_class(session)
        self._label.refresh()
        self._hint.set_full_text(self._hint_text(session))
        self._busy.setVisible(session.busy)
        self._busy.setRange(0, 100 if session.fraction is not None else 0)
        self._busy.setValue(round(100 * (session.fraction or 0)))
        self._place()
        self._later.start(0)

    def _show_class(self, session: SessionInfo) -> None:
        category = self._workspace.current_category
        if session.refines is not None:
            name = self._workspace.title_of(session.refines)
            explain(self._class, self.tr("Refining keeps the class of the instance."))
        else:
            name = category.name if category is not None else self.tr("unlabelled")
            explain(self._class, "", self.tr("Accept with another class (Shift+Enter)"))
        self._class.setText(plain(self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, _NAME_WIDTH)))

    def _hint_text(self, session: SessionInfo) -> str:
        if session.message:
            return session.message
        if session.busy:
            return session.busy_text or self.tr("Running…")
        if session.candidate is None:
            return self.tr("Click the object, or drag a box around it")
        return self.tr("Enter accepts · right click removes an area · Backspace takes the last prompt back")

    def _place(self) -> None:
        free = max(self._canvas.width() - 2 * _MARGIN, 100)
        hint = self._hint.fontMetrics().horizontalAdvance(self._hint.full_text()) + 24
        width = min(max(self.sizeHint().width(), hint, 280), free)
        self.resize(width, self.sizeHint().height())
        here, there = self._berth(self._at_top), self._berth(not self._at_top)
        marked = self._marked()
        covered, elsewhere = (sum(_area(berth & place) for place in marked) for berth in (here, there))
        # only for a clear gain: a bar that jumps with every prompt cannot be aimed at
        if elsewhere < covered / 2:
            self._at_top, here = not self._at_top, there
        self.move(here.topLeft())
        self.raise_()

    def _berth(self, at_top: bool) -> QRect:
        """Where the bar lies in the canvas: in the middle of its upper or its lower edge."""
        low = max(self._canvas.height() - self.height() - _MARGIN, 0)
        left = (self._canvas.width() - self.width()) // 2
        return QRect(left, _MARGIN if at_top else low, self.width(), self.height())

    def _marked(self) -> list[QRect]:
        """What the bar should leave in sight, in the canvas: the prompts, and the candidate or what is refined."""
        session = self._workspace.session
        if session is None:
            return []
        places: list[Rect] = []
        for prompt in session.prompts.prompts:
            if isinstance(prompt, Box):
                places.append((prompt.x0, prompt.y0, prompt.x1, prompt.y1))
            elif (anchor := anchor_of(prompt)) is not None:
                places.append((*anchor, *anchor))
        bounds = self._canvas.session_layer.bounds()
        if bounds is not None:
            places.append(bounds)
        view = self._canvas.transform_now
        boxes = [QRectF(QPointF(*view.to_view(x0, y0)), QPointF(*view.to_view(x1, y1))) for x0, y0, x1, y1 in places]
        return [box.toAlignedRect().adjusted(-_MARKER, -_MARKER, _MARKER, _MARKER) for box in boxes]

    def _pointer_at(self, x: float | None, y: float | None) -> None:
        """The canvas hears of a pointer over the bar only while a button is held: something is drawn below the bar."""
        if x is None or y is None or self.isHidden():
            return
        if self.geometry().contains(self._canvas.image_to_widget(x, y).toPoint()):
            self._at_top = not self._at_top
            self.move(self._berth(self._at_top).topLeft())

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest:  # a button needs another width once its style is known
            self._later.start(0)
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show) and not self.isHidden():
            self._place()
        return False


def _area(box: QRect) -> int:
    return 0 if box.isEmpty() else box.width() * box.height()
