"""The cheat sheet (F1 or ?): the keys of all commands as they are now, in columns by scope and menu."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QFrame, QTextBrowser, QVBoxLayout, QWidget

from desktop.actions import ActionRegistry, Command


def _keys(registry: ActionRegistry, command: Command) -> str:
    style = QKeySequence.SequenceFormat.NativeText
    return ", ".join(QKeySequence(key).toString(style) for key in registry.keys(command.id))


class CheatSheet(QDialog):
    """Read-only; *Edit shortcuts…* changes keys."""

    def __init__(self, registry: ActionRegistry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        self.resize(920, 720)
        view = QTextBrowser()
        view.setAccessibleName(self.tr("Keys"))
        view.setHtml(self._html(registry))
        view.document().setDocumentMargin(16)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(view)

    def _html(self, registry: ActionRegistry) -> str:
        groups: dict[str, list[Command]] = {}
        for command in registry.commands:
            if registry.keys(command.id):
                title = self.tr("Tools") if command.id.startswith("tool.") else self.tr(command.menu.partition("/")[0])
                groups.setdefault(title or self.tr("Classes"), []).append(command)
        tables = [
            f"<h3>{escape(title)}</h3><table cellspacing='0' cellpadding='2'>"
            + "".join(
                f"<tr><td width='150'><b>{escape(_keys(registry, c))}</b></td><td>{escape(c.name)}</td></tr>"
                for c in rows
            )
            + "</table>"
            for title, rows in groups.items()
        ]
        mouse = self.tr(
            "Wheel zooms about the cursor; middle button or Space with the left button pans; in prompt tools the right "
            "button (or Alt with the left) is negative; Shift+click starts another part; Ctrl held collects prompts."
        )
        half = (len(tables) + 1) // 2
        left, right = "".join(tables[:half]), "".join(tables[half:])
        columns = f"<table><tr><td width='430'>{left}</td><td width='430'>{right}</td></tr></table>"
        return f"<p style='margin-bottom: 12px'>{escape(mouse)}</p>{columns}"
