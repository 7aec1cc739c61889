"""The reference pane beside the canvas: mark a region of another image to look for the same here (ux.md §6)."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QPixmap
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.canvas.host import CanvasInstance
from desktop.canvas.view import CanvasView
from desktop.dataset.changes import StoredReference
from desktop.image_service import Decoded
from desktop.panels.controls import GAP, TARGET, FlowLayout, explain, icon_button, soft_label
from desktop.panels.icons import icon
from desktop.window_reference_host import ReferenceHost
from desktop.workspace import Workspace, unused_sentence
from inference.prompts import PromptKind

TOOLS = ("box", "lasso", "scribble", "select")
PICTURE = 32
"""Side of the thumbnail of a kept reference, logical pixels."""


class ReferencePane(QWidget):
    """Opens with :meth:`open`; ``closed`` says that the focus may go back to the canvas. Enter uses the region."""

    closed = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._image_id: int | None = None
        self.setObjectName("reference_pane")
        self.setAccessibleName(self.tr("Reference"))
        self.host = ReferenceHost(self)
        self.canvas = CanvasView()
        self.canvas.setAccessibleName(self.tr("Reference image"))
        self.canvas.set_minimap(False)
        self.canvas.set_host(self.host)
        self.image = QComboBox()
        self.image.setAccessibleName(self.tr("Reference image"))
        self.image.setMinimumHeight(TARGET)
        self.image.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.use = QPushButton(icon("reference"), self.tr("Use as reference"))
        self.use.setAccessibleName(self.tr("Use as reference"))
        self._clear = icon_button("discard", self.tr("Clear the region"))
        self._sentence = soft_label(wrap=True)
        self._kept = FlowLayout()
        self._tools = QButtonGroup(self)
        self._build()
        self.choose_tool("box")
        self.image.activated.connect(lambda _index: self._show_image(self.image.currentData()))
        self.use.clicked.connect(self.use_region)
        self._clear.clicked.connect(self.host.clear)
        self.host.changed.connect(self._show_region)
        self.host.said.connect(workspace.notice)
        workspace.image_service.loaded.connect(self._loaded)
        workspace.image_service.failed.connect(self._failed)
        workspace.image_changed.connect(self._image_changed)
        workspace.references_changed.connect(self._show_kept)
        workspace.thumbnail_ready.connect(lambda _id: self._show_kept())
        workspace.engines_changed.connect(self._show_sentence)
        self.hide()

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(8, 2, 8, 2)
        top.setSpacing(GAP)
        title = QLabel(self.tr("Reference"))
        font = title.font()
        font.setBold(True)
        title.setFont(font)
        top.addWidget(title)
        top.addWidget(self.image, 1)
        close = icon_button("close", self.tr("Close the reference pane"))
        close.clicked.connect(self.leave)
        top.addWidget(close)
        row = QHBoxLayout()
        row.setContentsMargins(8, 2, 8, 2)
        row.setSpacing(GAP)
        names = (self.tr("Box"), self.tr("Lasso"), self.tr("Scribble"), self.tr("Pick an instance"))
        for name, label in zip(TOOLS, names, strict=True):
            button = icon_button(name, label, checkable=True)
            button.setObjectName(name)
            self._tools.addButton(button)
            button.clicked.connect(lambda _checked, name=name: self.choose_tool(name))
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self._clear)
        row.addWidget(self.use)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(8, 2, 8, 4)
        column.setSpacing(GAP)
        column.addWidget(self._sentence)
        column.addLayout(self._kept)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(top)
        outer.addLayout(row)
        outer.addWidget(self.canvas, 1)
        outer.addWidget(below)

    # -- opening and closing -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Show the pane with the image that was shown last, else with the one next to the current image."""
        self.show()
        self._refill()
        self._show_kept()
        self._show_sentence()
        self.canvas.setFocus()

    def leave(self) -> None:
        self.hide()
        self.closed.emit()

    def choose_tool(self, name: str) -> None:
        """box, lasso, scribble or select (which picks instances)."""
        for button in self._tools.buttons():
            button.setChecked(button.objectName() == name)
        self.canvas.set_tool(name)

    def _image_changed(self) -> None:
        if self._workspace.current_image is not None:
            self._refill()
            return
        # another project comes: its images have the same numbers
        self._image_id = None
        self.host.show(None)
        self.canvas.set_image(None)
        self.hide()

    def _refill(self) -> None:
        """List the other images. The region stays when its image is still among them."""
        if not self.isVisible():
            return
        here = self._workspace.current_image
        images = list(self._workspace.visible_images)
        place = next((i for i, image in enumerate(images) if here is not None and image.id == here.id), -1)
        others = [image for image in images if here is None or image.id != here.id]
        self.image.clear()
        for image in others:
            self.image.addItem(Path(image.path).name, image.id)
        shown = self.image.findData(self._image_id)
        if shown < 0 and others:
            # the image before has most often what is looked for
            shown = max(place - 1, 0)
            self._show_image(others[shown].id)
        elif self._image_id is not None and self.host.region.is_empty:
            # its instances may be others now
            self._show_image(self._image_id)
        self.image.setCurrentIndex(shown)
        explain(self.image, "" if others else self.tr("There is no other image in this project."))

    # -- the image -----------------------------------------------------------------------------------------------

    def _show_image(self, image_id: int) -> None:
        self._image_id = image_id
        self.host.show(None)
        self.canvas.set_image(None)
        service, image = self._workspace.image_service, self._workspace.storage.image(image_id)
        decoded = service.decoded(image_id)
        if decoded is not None:
            self._loaded(image_id, decoded)
        elif image is not None:
            service.prefetch(image_id, self._workspace.storage.file_of(image), image.page)

    def _loaded(self, image_id: int, decoded: Decoded) -> None:
        if image_id != self._image_id or self.host.pixels is not None:
            return
        ws = self._workspace
        instances = [
            CanvasInstance(i.id, i.mask, ws.class_colour(i.category_id), ws.class_name(i.category_id))
            for i in ws.storage.instances(image_id).values()
        ]
        self.canvas.set_image(decoded.levels)
        self.host.show(decoded.loaded.pixels, instances)

    def _failed(self, image_id: int, sentence: str) -> None:
        if image_id == self._image_id and sentence:
            self._sentence.setText(sentence)

    # -- the region ----------------------------------------------------------------------------------------------

    def _show_region(self) -> None:
        self.canvas.set_instances(self.host.drawn())
        self.canvas.set_selection(self.host.selection)
        empty = self.host.region.is_empty
        reason = self.tr("Mark a region first, or pick an instance.") if empty else self._workspace.editable()
        explain(self.use, reason, self.tr("Look for this in the current image (Enter)"))
        explain(self._clear, self.tr("Nothing is marked.") if empty else "", self.tr("Clear the region"))

    def use_region(self) -> None:
        """The region becomes a prompt of the session; it is kept in the project."""
        if self._image_id is None or not self.use.isEnabled():
            return
        picked = self._workspace.storage.instances(self._image_id).get(self.host.picked or 0)
        category = picked.category_id if picked is not None else None
        self._workspace.add_reference(self._image_id, self.host.region, category)
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.use_region()
        elif event.key() == Qt.Key.Key_Escape:
            if self.host.region.is_empty:
                self.leave()
            else:
                self.host.clear()
        else:
            super().keyPressEvent(event)

    # -- what is said and kept -----------------------------------------------------------------------------------

    def sentence(self) -> str:
        """Why references would be ignored now and who takes them; empty when they are used."""
        return self._sentence.text() if not self._sentence.isHidden() else ""

    def _show_sentence(self) -> None:
        ws = self._workspace
        spec = ws.specs.get(ws.find_with)
        text = unused_sentence(PromptKind.REFERENCE, spec, ws.engines) if spec is not None else ""
        self._sentence.setText(text)
        self._sentence.setVisible(bool(text))

    def _show_kept(self) -> None:
        if not self.isVisible():
            return
        self._kept.clear()
        for kept in self._workspace.references:
            button = QToolButton()
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setIcon(QIcon(QPixmap.fromImage(self._picture(kept))))
            button.setIconSize(QSize(PICTURE, PICTURE))
            button.setText(kept.name)
            button.setToolTip(self.tr("Use this reference again; right-click forgets it"))
            button.setAccessibleName(self.tr("Reference %1").replace("%1", kept.name))
            button.clicked.connect(lambda _checked=False, kept=kept: self._workspace.use_reference(kept.id))
            button.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            button.customContextMenuRequested.connect(lambda _at, kept=kept: self._workspace.remove_reference(kept.id))
            self._kept.addWidget(button)

    def _picture(self, kept: StoredReference) -> QImage:
        """The region's surroundings, cut from the thumbnail of its image."""
        whole = self._workspace.thumbnail(kept.image_id)
        if whole is None or not kept.mask.width:
            return icon("reference").pixmap(PICTURE, PICTURE).toImage()
        scale = whole.width() / kept.mask.width
        x0, y0, x1, y1 = (round(v * scale) for v in kept.mask.bbox)
        part = whole.copy(x0, y0, max(x1 - x0, 1), max(y1 - y0, 1))
        return part.scaled(
            PICTURE, PICTURE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
