"""The prompts panel: text box, phrase chips, cached-score sliders, the session's prompts, candidates (ux.md §2.2)."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.candidate_strip import CandidateStrip
from desktop.panels.controls import GAP, TARGET, Chip, ElidedLabel, FlowLayout, explain, icon_button, soft_label
from desktop.panels.icons import icon
from desktop.panels.text_box import TextBox
from desktop.panels.words import prompt_icon, prompt_text
from desktop.thumbnails import picture_of
from desktop.workspace import Workspace, unused_sentence
from inference.prompts import PromptKind, PromptSet, Reference

_MAX_RESULTS = 100
_MOST_HEIGHT = 5 * TARGET
"""The list of prompts takes that much at most, then it scrolls: classes and instances stay in sight."""
_CROP = 32
"""Side of the thumbnail of a reference, logical pixels."""


class PromptsPanel(QWidget):
    """``left`` asks for the focus to go back to the canvas (Esc in the text box).

    ``class_of_phrase`` maps a phrase to a class id chosen in its drop-down; phrases that were left alone are absent.
    """

    left = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setObjectName("prompts_panel")
        self.setAccessibleName(self.tr("Prompts"))
        self.class_of_phrase: dict[str, int] = {}
        self.text = TextBox(lambda: workspace.text_history, self)
        self._run = QPushButton(icon("run"), self.tr("Run"))
        self._run.setAccessibleName(self.tr("Run the engine"))
        self._phrases = QVBoxLayout()
        self._phrases.setSpacing(2)
        self._ignored = FlowLayout()
        self._threshold, self._threshold_value = self._slider(self.tr("Threshold"), 0, 100)
        self._results, self._results_value = self._slider(self.tr("Max results"), 1, _MAX_RESULTS)
        self._list = QScrollArea()
        inside = QWidget()
        self._rows = QVBoxLayout(inside)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        self._list.setWidget(inside)
        self._list.setWidgetResizable(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._message = soft_label(wrap=True)
        self._empty = soft_label(self.tr("No prompts yet. Click in the image or describe the object above."), wrap=True)
        self.candidates = CandidateStrip(workspace, self)
        self._shown: PromptSet | None = None
        self._build()
        self.setFocusProxy(self.text)
        self.text.submitted.connect(self._submit)
        self.text.left.connect(self.left)
        self.text.textChanged.connect(self._show_phrases)
        self._run.clicked.connect(self._run_clicked)
        self._threshold.valueChanged.connect(self._threshold_moved)
        self._results.valueChanged.connect(self._results_moved)
        workspace.session_changed.connect(self.refresh)
        workspace.engines_changed.connect(self.refresh)
        workspace.categories_changed.connect(self._show_phrases)
        self.refresh()

    def _slider(self, name: str, low: int, top: int) -> tuple[QSlider, QLabel]:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(low, top)
        slider.setAccessibleName(name)
        slider.setMinimumHeight(TARGET)
        slider.setToolTip(self.tr("Filters what was found; the engine does not run again."))
        value = QLabel()
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setMinimumWidth(value.fontMetrics().horizontalAdvance("0.000"))
        return slider, value

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GAP)
        top.addWidget(self.text, 1)
        top.addWidget(self._run, 0, Qt.AlignmentFlag.AlignTop)
        self._filters = QWidget()
        sliders = QGridLayout(self._filters)
        sliders.setContentsMargins(0, 0, 0, 0)
        sliders.setHorizontalSpacing(8)
        sliders.setVerticalSpacing(0)
        rows = (
            (self.tr("Threshold"), self._threshold, self._threshold_value),
            (self.tr("Max results"), self._results, self._results_value),
        )
        for row, (name, slider, value) in enumerate(rows):
            sliders.addWidget(soft_label(name), row, 0)
            sliders.addWidget(slider, row, 1)
            sliders.addWidget(value, row, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 8, 8)
        column.setSpacing(GAP)
        column.addLayout(top)
        column.addLayout(self._phrases)
        column.addWidget(self._filters)
        column.addWidget(self._empty)
        column.addWidget(self._list)
        column.addLayout(self._ignored)
        column.addWidget(self._message)
        column.addWidget(self.candidates)

    def focus_text(self) -> None:
        """For the Text tool (``T``)."""
        self.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.text.selectAll()

    def refresh(self) -> None:
        session = self._workspace.session
        prompts = session.prompts if session is not None else PromptSet()
        # rebuilding rows under the mouse would lose its hover and focus, so only when the prompts changed
        if prompts != self._shown:
            self._shown = prompts
            self._show_prompts(prompts)
        self._show_ignored()
        self._message.setText(session.message or " ".join(session.notes) if session is not None else "")
        self._message.setVisible(bool(self._message.text()))
        explain(self._run, self._run_reason(), self.tr("Run the engine with these prompts (Enter)"))
        self._show_filters()
        self._set_slider(self._threshold, round(100 * self._workspace.text_threshold))
        self._threshold_value.setText(f"{self._threshold.value() / 100:.2f}")
        self._set_slider(self._results, min(self._workspace.max_results, _MAX_RESULTS))
        self._results_value.setText(str(self._results.value()))

    @staticmethod
    def _set_slider(slider: QSlider, value: int) -> None:
        slider.blockSignals(True)
        slider.setValue(value)
        slider.blockSignals(False)

    def _run_reason(self) -> str:
        if not self.text.phrases():
            return self._workspace.can_run()
        name = self._workspace.find_with
        engine = next((status.spec for status in self._workspace.engines if status.spec.name == name), None)
        if engine is not None and PromptKind.TEXT not in engine.prompts:
            return unused_sentence(PromptKind.TEXT, engine, self._workspace.engines)
        return self._workspace.editable()

    def _show_filters(self) -> None:
        """Scores of text results are what the sliders act on: without words in play they would only take room."""
        session = self._workspace.session
        words = session is not None and bool(session.prompts.of_kind(PromptKind.TEXT))
        self._filters.setVisible(words or bool(self.text.phrases()))

    def _run_clicked(self) -> None:
        if self.text.phrases():
            self._submit(self.text.toPlainText().strip())
        else:
            self._workspace.run()

    def _submit(self, text: str) -> None:
        reason = self._run_reason()
        if reason:
            self._workspace.notice(reason)
        else:
            self._workspace.add_text(text)

    def _threshold_moved(self, value: int) -> None:
        self._threshold_value.setText(f"{value / 100:.2f}")
        self._workspace.set_text_threshold(value / 100)

    def _results_moved(self, value: int) -> None:
        self._results_value.setText(str(value))
        self._workspace.set_max_results(value)

    def _show_phrases(self) -> None:
        _clear(self._phrases)
        for phrase in self.text.phrases():
            self._phrases.addWidget(_PhraseRow(self, self._workspace, phrase))
        self._show_filters()
        explain(self._run, self._run_reason(), self.tr("Run the engine with these prompts (Enter)"))

    def _show_prompts(self, prompts: PromptSet) -> None:
        _clear(self._rows)
        height = 0
        for index in range(len(prompts)):
            row = _PromptRow(self._workspace, prompts, index)
            self._rows.addWidget(row)
            # the layout counts a new row only once it is shown, which is after this
            height += max(row.sizeHint().height(), row.minimumHeight())
        self._empty.setVisible(len(prompts) == 0)
        self._list.setVisible(len(prompts) > 0)
        self._list.setFixedHeight(min(height, _MOST_HEIGHT))
        # the newest is the one that is about to be corrected; its place is known after the layout
        bar = self._list.verticalScrollBar()
        QTimer.singleShot(0, bar, lambda: bar.setValue(bar.maximum()))

    def _show_ignored(self) -> None:
        self._ignored.clear()
        session = self._workspace.session
        if session is None:
            return
        title = next((s.spec.title for s in self._workspace.engines if s.spec.name == session.engine), session.engine)
        for ignored in session.ignored:
            chip = Chip(f"{ignored.kind} × {ignored.count}", icon_name=ignored.kind, struck=True)
            chip.setToolTip(self.tr("ignored by %1").replace("%1", title))
            chip.setAccessibleName(f"{ignored.kind} × {ignored.count}, {chip.toolTip()}")
            self._ignored.addWidget(chip)


def _clear(layout: QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def _crop(prompt: Reference) -> QPixmap:
    """The surroundings of a reference's region, small."""
    rows, columns = (np.flatnonzero(prompt.mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return icon("reference").pixmap(16, 16)
    part = prompt.pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return QPixmap.fromImage(picture_of(part)).scaled(
        _CROP, _CROP, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )


class _PhraseRow(QWidget):
    """A phrase and the class that its masks get: by name, else the current one, else a new one."""

    def __init__(self, panel: PromptsPanel, workspace: Workspace, phrase: str) -> None:
        super().__init__()
        self._panel = panel
        self._phrase = phrase
        self._box = QComboBox()
        self._box.setMinimumHeight(TARGET)
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._box.setAccessibleName(self.tr("Class for %1").replace("%1", phrase))
        same = next((c for c in workspace.categories if c.name.casefold() == phrase.casefold()), None)
        default = same or workspace.current_category
        automatic = default.name if default is not None else self.tr("new class")
        self._box.addItem(self.tr("auto: %1").replace("%1", automatic), None)
        for category in workspace.categories:
            self._box.addItem(category.name, category.id)
        chosen = self._box.findData(panel.class_of_phrase.get(phrase))
        self._box.setCurrentIndex(max(chosen, 0))
        self._box.activated.connect(self._choose)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        row.addWidget(Chip(phrase, icon_name="text"))
        row.addWidget(soft_label("→"))
        row.addWidget(self._box, 1)

    def _choose(self, index: int) -> None:
        category_id = self._box.itemData(index)
        if category_id is None:
            self._panel.class_of_phrase.pop(self._phrase, None)
        else:
            self._panel.class_of_phrase[self._phrase] = int(category_id)


class _PromptRow(QWidget):
    """One prompt of the session: kind, words, mute, delete; hovering or focusing it highlights it on the canvas."""

    def __init__(self, workspace: Workspace, prompts: PromptSet, index: int) -> None:
        super().__init__()
        self._workspace = workspace
        self._index = index
        prompt = prompts.prompts[index]
        muted = index in prompts.muted
        kind = QLabel()
        if isinstance(prompt, Reference):
            kind.setPixmap(_crop(prompt))
        else:
            kind.setPixmap(icon(prompt_icon(prompt)).pixmap(16, 16))
            kind.setFixedWidth(20)
        text = ElidedLabel(f"{index + 1}  {prompt_text(prompt)}")
        text.setEnabled(not muted)
        eye = icon_button("eye-off" if muted else "eye", self.tr("Use prompt") if muted else self.tr("Mute prompt"))
        delete = icon_button("trash", self.tr("Delete prompt"))
        eye.clicked.connect(lambda: workspace.mute_prompt(index, not muted))
        delete.clicked.connect(lambda: workspace.remove_prompt(index))
        for button in (eye, delete):
            button.installEventFilter(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        row.addWidget(kind)
        row.addWidget(text, 1)
        row.addWidget(eye)
        row.addWidget(delete)
        self.setMinimumHeight(TARGET)
        self.setAccessibleName(prompt_text(prompt))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Enter:
            self._workspace.highlight_prompt(self._index)
        elif event.type() == QEvent.Type.Leave:
            self._workspace.highlight_prompt(None)
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn:
            self._workspace.highlight_prompt(self._index)
        elif event.type() == QEvent.Type.FocusOut:
            self._workspace.highlight_prompt(None)
        return False
