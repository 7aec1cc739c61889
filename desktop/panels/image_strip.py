"""The image strip: thumbnails with state badges, filter chips, name search, "312 of 1,204 done" (ux.md §2.5)."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QSizePolicy,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.controls import GAP, TARGET, EmptyState
from desktop.panels.image_strip_model import IMAGE_ID, ImageDelegate, ImageStripModel
from desktop.panels.words import grouped
from desktop.workspace import Workspace

_SEARCH_DELAY_MS = 150
_SELECTING = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


class ImageStrip(QWidget):
    """Thumbnails in one row, or (at the left, ``set_vertical``) in a column. ``left`` returns focus to the canvas."""

    left = Signal()
    open_requested = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setObjectName("image_strip")
        self.setAccessibleName(self.tr("Images"))
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Find by name"))
        self.search.setAccessibleName(self.tr("Filter images by name"))
        self.search.setToolTip(
            self.tr("A piece of the file name, or what its instances are: state:needs-work editor:kim score<0.5")
        )
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumHeight(TARGET)
        self.search.setMaximumWidth(220)
        self._vertical = False
        self.chips: dict[str, QToolButton] = {}
        """The filter chips by their names in :class:`ImageFilter`."""
        self._all_chips = QWidget()
        # their width must not be the least width of the strip: where they do not fit there is a drop-down instead
        self._all_chips.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._state = QComboBox()
        self._state.setAccessibleName(self.tr("Show images"))
        self._state.setMinimumHeight(TARGET)
        self._class = QComboBox()
        self._class.setAccessibleName(self.tr("Has class"))
        self._class.setMinimumHeight(TARGET)
        self._order = QComboBox()
        self._order.setAccessibleName(self.tr("Sort by"))
        self._order.setMinimumHeight(TARGET)
        self._order.addItem(self.tr("Name"), "name")
        self._order.addItem(self.tr("Time"), "time")
        self._order.addItem(self.tr("Uncertainty"), "uncertainty")
        self._done = QLabel()
        self._done.setAccessibleName(self.tr("Progress"))
        self.model = ImageStripModel(workspace, self)
        self.view = _StripView(self)
        self._empty = EmptyState("")
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(_SEARCH_DELAY_MS)
        self._delay.timeout.connect(self._change_filter)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        row = QHBoxLayout(self._all_chips)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        group = QButtonGroup(self)
        names = {
            "all": self.tr("All"),
            "unlabelled": self.tr("Unlabelled"),
            "draft": self.tr("Draft"),
            "done": self.tr("Done"),
            "to review": self.tr("To review"),
            "needs work": self.tr("Needs work"),
            "proposals": self.tr("Proposals"),
            "issues": self.tr("Issues"),
        }
        for key, name in names.items():
            chip = QToolButton()
            chip.setText(name)
            chip.setCheckable(True)
            chip.setAutoRaise(True)
            chip.setMinimumHeight(TARGET)
            chip.setAccessibleName(self.tr("Show images: %1").replace("%1", name))
            chip.setToolTip(chip.accessibleName())
            chip.clicked.connect(self._change_filter)
            group.addButton(chip)
            row.addWidget(chip)
            self.chips[key] = chip
            self._state.addItem(name, key)
        row.addStretch(1)
        self._bar = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._bar.setSpacing(8)
        self._bar.addWidget(self._all_chips, 1)
        for widget in (self._state, self._class, self._order, self.search, self._done):
            self._bar.addWidget(widget)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, GAP, 8, GAP)
        column.setSpacing(GAP)
        column.addLayout(self._bar)
        column.addLayout(self._stack, 1)
        self.setFocusProxy(self.view)

    def _connect(self) -> None:
        workspace = self._workspace
        self.search.textChanged.connect(lambda _text: self._delay.start())
        self._state.activated.connect(lambda _index: self.chips[self._state.currentData()].click())
        self._class.activated.connect(self._change_filter)
        self._order.activated.connect(self._change_filter)
        self._empty.triggered.connect(self._empty_action)
        self.view.clicked.connect(self._clicked)
        self.view.selectionModel().selectionChanged.connect(self._tell_selected)
        self.view.activated.connect(lambda index: workspace.go_to_image(index.data(IMAGE_ID)))
        workspace.images_changed.connect(self.refresh)
        workspace.project_changed.connect(self.refresh)
        workspace.image_changed.connect(self._show_current)
        workspace.image_state_changed.connect(self._state_changed)
        workspace.thumbnail_ready.connect(self.model.repaint)
        workspace.session_changed.connect(self.model.parked_changed)
        workspace.categories_changed.connect(self._fill_classes)

    def focus_search(self) -> None:
        """For ``Ctrl+F``."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def set_vertical(self, vertical: bool) -> None:
        """At the left of the window the strip is a column and the row of filters breaks."""
        self._vertical = vertical
        flow = QListView.Flow.TopToBottom if vertical else QListView.Flow.LeftToRight
        self.view.setFlow(flow)
        self.view.setMinimumHeight(0 if vertical else ImageDelegate.HEIGHT + 14)
        self._bar.setDirection(QBoxLayout.Direction.TopToBottom if vertical else QBoxLayout.Direction.LeftToRight)
        self.search.setMaximumWidth(16777215 if vertical else 220)
        for widget in (self._class, self._order):
            widget.setHidden(vertical)
        self._fit()
        # the new layout is known when the view has got its place
        QTimer.singleShot(0, self, self._show_current)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """One row of filters at any width: the chips become a drop-down where they do not fit."""
        others = (self._class, self._order, self.search, self._done)
        wanted = self._all_chips.sizeHint().width() + sum(w.sizeHint().width() + self._bar.spacing() for w in others)
        chips = not self._vertical and wanted <= self.width() - 16
        self._all_chips.setVisible(chips)
        self._state.setHidden(chips)

    def refresh(self) -> None:
        self.model.refresh()
        wanted = self._workspace.image_filter
        self.chips.get(wanted.chip, self.chips["all"]).setChecked(True)
        self._state.setCurrentIndex(max(self._state.findData(wanted.chip), 0))
        if self.search.text() != wanted.name and not self._delay.isActive():
            self.search.blockSignals(True)
            self.search.setText(wanted.name)
            self.search.blockSignals(False)
        self._order.setCurrentIndex(max(self._order.findData(wanted.order), 0))
        self._fill_classes()
        self._show_done()
        self._say_if_empty()
        self._show_current()

    def _fill_classes(self) -> None:
        chosen = self._workspace.image_filter.category_id
        self._class.clear()
        self._class.addItem(self.tr("Any class"), None)
        for category in self._workspace.categories:
            self._class.addItem(category.name, category.id)
        self._class.setCurrentIndex(max(self._class.findData(chosen), 0))

    def _change_filter(self) -> None:
        self._delay.stop()
        chip = next((key for key, button in self.chips.items() if button.isChecked()), "all")
        wanted = replace(
            self._workspace.image_filter,
            chip=chip,
            name=self.search.text().strip(),
            category_id=self._class.currentData(),
            order=self._order.currentData(),
        )
        self._workspace.set_image_filter(wanted)

    def _show_done(self) -> None:
        done, total = self._workspace.done_counts
        text = self.tr("%1 of %2 done").replace("%1", grouped(done)).replace("%2", grouped(total))
        self._done.setText(text if total else "")

    def _state_changed(self, image_id: int) -> None:
        self.model.repaint(image_id)
        self._show_done()

    def _clicked(self, index: QModelIndex) -> None:
        """With Ctrl or Shift a click only selects."""
        if not QGuiApplication.keyboardModifiers() & _SELECTING:
            self._workspace.go_to_image(index.data(IMAGE_ID))

    def _tell_selected(self) -> None:
        rows = sorted(index.row() for index in self.view.selectedIndexes())
        self._workspace.selected_images = tuple(int(self.model.index(row).data(IMAGE_ID)) for row in rows)

    def _show_current(self) -> None:
        image = self._workspace.current_image
        index = self.model.index_of(image.id) if image is not None else QModelIndex()
        if index.isValid():
            keep = self.view.selectionModel().isSelected(index)
            flag = QItemSelectionModel.SelectionFlag
            self.view.selectionModel().setCurrentIndex(index, flag.NoUpdate if keep else flag.ClearAndSelect)
            self.view.scrollTo(index, QListView.ScrollHint.EnsureVisible)

    def _say_if_empty(self) -> None:
        if self.model.rowCount():
            self._stack.setCurrentWidget(self.view)
            return
        if self._workspace.images:
            problem = self._workspace.filter_problem
            self._empty.say(problem or self.tr("No image passes the filter."), self.tr("Show all images"))
        else:
            self._empty.say(self.tr("No images are open."), self.tr("Open folder…"))
        self._stack.setCurrentWidget(self._empty)

    def _empty_action(self) -> None:
        if not self._workspace.images:
            self.open_requested.emit()
            return
        self.chips["all"].setChecked(True)
        self._class.setCurrentIndex(0)
        self.search.clear()
        self._change_filter()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class _StripView(QListView):
    def __init__(self, strip: ImageStrip) -> None:
        super().__init__(strip)
        self.setAccessibleName(strip.tr("Image thumbnails"))
        self.setModel(strip.model)
        self.setItemDelegate(ImageDelegate(self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        # one size for all items and no text layout keep 10,000 of them instant
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.SinglePass)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setMinimumHeight(ImageDelegate.HEIGHT + 14)
        self.setMouseTracking(True)
