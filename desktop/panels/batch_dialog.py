"""*Batch…*: which images, which engine, what to look for, what to keep (ux.md §8). Runs as a job of the workspace."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.controls import GAP, TARGET, explain, padded, soft_label
from desktop.panels.words import counted
from desktop.prelabel.request import LEAST_SCORE, PrelabelRequest, Region, looks_at_once
from desktop.workspace import Workspace
from inference.engine import Capability, EngineSpec, Vocabulary
from inference.prompts import PromptKind

SELECTED, FILTERED, ALL = "selected", "filtered", "all"
EVERYTHING, CLASSES, TEXTS, REFERENCES = "everything", "classes", "texts", "references"
_REFERENCE = Qt.ItemDataRole.UserRole


class BatchDialog(QDialog):
    """Nothing runs before *Start*, which says why it cannot be pressed."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setWindowTitle(self.tr("Batch"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.scope = self._combo(self.tr("Images"))
        self.engine = self._combo(self.tr("Engine"))
        self.what: dict[str, QRadioButton] = {}
        self._kinds = QButtonGroup(self)
        self.classes = self._text(self.tr("One name a line, or separated by commas"))
        self.texts = self._text(self.tr("One phrase a line, for example: red car"))
        self.references = QListWidget()
        self.references.setAccessibleName(self.tr("References"))
        self.least = QDoubleSpinBox()
        self.least.setRange(0.0, 1.0)
        self.least.setSingleStep(0.05)
        self.least.setValue(LEAST_SCORE)
        self.least.setMinimumHeight(TARGET)
        self.least.setAccessibleName(self.tr("Keep finds from this score on"))
        padded(self.least)
        self.annotated = QCheckBox(self.tr("Also images that have instances"))
        self.annotated.setMinimumHeight(TARGET)
        self.summary = soft_label("", wrap=True)
        self.summary.setMinimumHeight(2 * self.summary.fontMetrics().lineSpacing())
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start = self._buttons.addButton(self.tr("Start"), QDialogButtonBox.ButtonRole.AcceptRole)
        for button in self._buttons.buttons():
            button.setMinimumHeight(TARGET)
        self._fill()
        self._build()
        self.scope.currentIndexChanged.connect(self.refresh)
        self.engine.currentIndexChanged.connect(self.refresh)
        self._kinds.buttonClicked.connect(self.refresh)
        self.classes.textChanged.connect(self.refresh)
        self.texts.textChanged.connect(self.refresh)
        self.references.itemChanged.connect(self.refresh)
        self.annotated.toggled.connect(self.refresh)
        self._buttons.accepted.connect(self._start)
        self._buttons.rejected.connect(self.reject)
        self.refresh()

    def _combo(self, name: str) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setMinimumHeight(TARGET)
        return combo

    def _text(self, hint: str) -> QPlainTextEdit:
        text = QPlainTextEdit()
        text.setPlaceholderText(hint)
        text.setAccessibleName(hint)
        text.setTabChangesFocus(True)
        text.setFixedHeight(4 * text.fontMetrics().lineSpacing() + 12)
        return text

    def _fill(self) -> None:
        ws = self._workspace
        visible, everything = len(ws.visible_images), len(ws.images)
        self.scope.addItem(self.tr("All images ({n})").format(n=everything), ALL)
        self.scope.addItem(self.tr("Images that the strip shows ({n})").format(n=visible), FILTERED)
        selected = len(self._selected())
        self.scope.addItem(
            counted(selected, self.tr("The selected image"), self.tr("The %1 selected images")), SELECTED
        )
        if selected > 1:
            self.scope.setCurrentIndex(2)
        elif visible < everything:
            self.scope.setCurrentIndex(1)
        for status in ws.engines:
            if _able(status.spec):
                self.engine.addItem(status.spec.title, status.spec.name)
        self.engine.setCurrentIndex(max(self.engine.findData(ws.find_with), 0))
        titles = {
            EVERYTHING: self.tr("Everything"),
            CLASSES: self.tr("Classes"),
            TEXTS: self.tr("Phrases"),
            REFERENCES: self.tr("What references show"),
        }
        for kind, title in titles.items():
            self.what[kind] = QRadioButton(title)
            self.what[kind].setMinimumHeight(TARGET)
            self._kinds.addButton(self.what[kind])
        self.what[CLASSES if ws.categories else EVERYTHING].setChecked(True)
        self.classes.setPlainText("\n".join(category.name for category in ws.categories))
        for kept in ws.references:
            item = QListWidgetItem(kept.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
            item.setData(_REFERENCE, kept.id)
            self.references.addItem(item)
        self.references.setFixedHeight(min(max(len(ws.references), 2), 5) * TARGET)

    def _build(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.addRow(self.tr("Images"), self.scope)
        form.addRow("", self.annotated)
        form.addRow(self.tr("Engine"), self.engine)
        wanted = QVBoxLayout()
        wanted.setSpacing(GAP)
        fields = {CLASSES: self.classes, TEXTS: self.texts, REFERENCES: self.references}
        for kind, button in self.what.items():
            wanted.addWidget(button)
            if kind in fields:
                wanted.addWidget(fields[kind])
        label = QLabel(self.tr("Look for"))
        label.setAlignment(Qt.AlignmentFlag.AlignTop)
        label.setContentsMargins(0, GAP, 0, 0)
        form.addRow(label, wanted)
        form.addRow(self.tr("Least score"), self.least)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.addStrut(428)  # a minimum width of the dialog would take the place of what its texts need
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(self.summary)
        column.addWidget(self._buttons)

    # -- what was chosen -----------------------------------------------------------------------------------------

    def request(self) -> PrelabelRequest:
        """The job as the dialog stands."""
        ws = self._workspace
        name = self.engine.currentData() or ""
        kind = next(kind for kind, button in self.what.items() if button.isChecked())
        classes = None
        if kind == CLASSES and (names := _lines(self.classes)):
            stuff = {category.name for category in ws.categories if category.kind == "stuff"}
            classes = Vocabulary(names, frozenset(stuff & set(names)))
        return PrelabelRequest(
            name,
            everything=kind == EVERYTHING,
            classes=classes,
            texts=_lines(self.texts) if kind == TEXTS else (),
            references=self._regions() if kind == REFERENCES else (),
            options=ws.changed_options(name) if name else {},
            seed=ws.settings.number("engines.seed"),
            least_score=round(self.least.value(), 2),
            annotated=self.annotated.isChecked(),
            image_ids=self._image_ids(),
        )

    def _image_ids(self) -> tuple[int, ...] | None:
        ws = self._workspace
        match self.scope.currentData():
            case "filtered":
                return tuple(image.id for image in ws.visible_images)
            case "selected":
                return self._selected()
            case _:
                return None

    def _selected(self) -> tuple[int, ...]:
        """Those of the strip, else the image that is shown."""
        ws = self._workspace
        here = (ws.current_image.id,) if ws.current_image is not None else ()
        return tuple(i for i in ws.selected_images if ws.image(i) is not None) or here

    def _regions(self) -> tuple[Region, ...]:
        rows = [self.references.item(row) for row in range(self.references.count())]
        chosen = {row.data(_REFERENCE) for row in rows if row.checkState() is Qt.CheckState.Checked}
        found = []
        for kept in self._workspace.references:
            image = self._workspace.image(kept.image_id)
            if kept.id in chosen and image is not None:
                found.append(Region(image.path, kept.mask, kept.name, image.page))
        return tuple(found)

    # -- what that means -----------------------------------------------------------------------------------------

    def reason(self) -> str:
        """Empty, or why it cannot start."""
        kind = next(kind for kind, button in self.what.items() if button.isChecked())
        if kind == CLASSES and not _lines(self.classes):
            return self.tr("Write the names of the classes to look for.")
        if kind == TEXTS and not _lines(self.texts):
            return self.tr("Write the phrases to look for.")
        if kind == REFERENCES and not self._regions():
            return self.tr("Check a reference. References are made with the Reference tool (Y).")
        return self._workspace.batch_problem(self.request())

    def refresh(self) -> None:
        """What the engine cannot do is disabled and says why; the summary says what would happen."""
        spec = self._workspace.specs.get(self.engine.currentData() or "")
        for kind, button in self.what.items():
            explain(button, _cannot(kind, spec))
        for kind, field in ((CLASSES, self.classes), (TEXTS, self.texts), (REFERENCES, self.references)):
            field.setVisible(self.what[kind].isChecked())
        chosen = next((b for b in self.what.values() if b.isChecked()), None)
        able = next((b for b in self.what.values() if b.isEnabled()), None)
        if chosen is not None and not chosen.isEnabled() and able is not None:
            able.setChecked(True)
            self.refresh()
            return
        reason = self.reason()
        explain(self.start, reason)
        self.summary.setText(reason or self._summary(spec))
        self.adjustSize()

    def _summary(self, spec: EngineSpec | None) -> str:
        ws, request = self._workspace, self.request()
        wanted = len(request.image_ids) if request.image_ids is not None else len(ws.images)
        left = len(ws.batch_images(request))
        said = counted(left, self.tr("%1 image will be looked at."), self.tr("%1 images will be looked at."))
        if left < wanted:
            said += " " + counted(
                wanted - left,
                self.tr("%1 image has instances and is left out."),
                self.tr("%1 images have instances and are left out."),
            )
        if spec is not None and request.classes is not None and not looks_at_once(request, spec):
            said += " " + self.tr("The engine is asked for each class by its name.")
        return said + " " + self.tr("What is found waits as proposals.")

    def _start(self) -> None:
        if not self.reason():
            self._workspace.start_batch(self.request())
            self.accept()


def _able(spec: EngineSpec) -> bool:
    return Capability.EVERYTHING in spec.capabilities or bool({PromptKind.TEXT, PromptKind.REFERENCE} & spec.prompts)


def _cannot(kind: str, spec: EngineSpec | None) -> str:
    """Empty, or why the engine cannot look for that."""
    if spec is None:
        return QCoreApplication.translate("BatchDialog", "No engine is chosen.")
    sees = Capability.EVERYTHING in spec.capabilities
    words = PromptKind.TEXT in spec.prompts
    names = sees and Capability.VOCABULARY in spec.capabilities
    can = {
        EVERYTHING: sees,
        CLASSES: words or names,
        TEXTS: words,
        REFERENCES: PromptKind.REFERENCE in spec.prompts,
    }
    if can[kind]:
        return ""
    return QCoreApplication.translate("BatchDialog", "{engine} cannot look for that.").format(engine=spec.title)


def _lines(text: QPlainTextEdit) -> tuple[str, ...]:
    words = (word.strip() for line in text.toPlainText().splitlines() for word in line.split(","))
    return tuple(dict.fromkeys(word for word in words if word))
