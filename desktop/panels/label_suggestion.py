"""What the shown candidate probably is, as a button of the session bar: a click (or Z) takes the class."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton, QWidget

from desktop.panels.controls import explain
from desktop.workspace import LabelSuggestion, Workspace

RUNNERS_UP = 3


class LabelSuggestionButton(QPushButton):
    """Hidden while nothing is suggested, or when the suggested class is the current one anyway."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setMinimumHeight(28)
        self.setAutoDefault(False)
        self.clicked.connect(workspace.take_suggestion)
        self.refresh()

    def refresh(self) -> None:
        """Show what is known of the shown candidate."""
        suggestion = self._workspace.label_suggestion
        self.setVisible(suggestion is not None and not self._is_current(suggestion))
        if suggestion is None:
            return
        if suggestion.best is None:
            self.setText(self.tr("class unknown"))
            reason = self.tr("No class fits this mask well enough to be suggested.")
            explain(self, f"{reason} {self._others(suggestion)}".strip())
        else:
            self.setText(f"{suggestion.best.name} {suggestion.best.score:.2f}  (Z)")
            tip = self.tr("Use the suggested class “%1” (Z)").replace("%1", suggestion.best.name)
            explain(self, "", "\n".join(part for part in (tip, self._others(suggestion)) if part))
        self.setAccessibleName(self.tr("Suggested class: %1").replace("%1", self.text()))

    def _is_current(self, suggestion: LabelSuggestion) -> bool:
        session, category = self._workspace.session, self._workspace.current_category
        if session is None or session.refines is not None or suggestion.best is None or category is None:
            return False
        return category.name.casefold() == suggestion.best.name.casefold()

    def _others(self, suggestion: LabelSuggestion) -> str:
        """The next names with their scores."""
        rest = [label for label in suggestion.labels if label is not suggestion.best][:RUNNERS_UP]
        if not rest:
            return ""
        names = ", ".join(f"{label.name} {label.score:.2f}" for label in rest)
        return self.tr("Next: %1").replace("%1", names)
