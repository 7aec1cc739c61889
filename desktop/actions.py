"""Every command once: name, keys, scope, menu, icon, and the reason why it is disabled.

The registry feeds the menus, the tool bar, the command palette, the cheat sheet and the shortcut editor, so that they
cannot disagree. What the commands do is in :mod:`desktop.commands`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal
from PySide6.QtGui import QAction, QIcon, QKeySequence
from PySide6.QtWidgets import QWidget

from desktop.settings import Settings


class Scope(StrEnum):
    """Where a key works: in the whole window, only while the canvas has the focus, or only there during a review.

    A key of the review hides the same key of the canvas as long as items are decided about.
    """

    GLOBAL = "global"
    CANVAS = "canvas"
    REVIEW = "review"


def always() -> str:
    """The reason of a command that is never disabled."""
    return ""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``keys`` are portable key sequences; ``menu`` is a path such as ``Object/Booleans`` (empty: none).

    ``reason`` returns an empty text when the command can run, else the sentence that says why not and what would enable
    it. ``checked`` makes it a toggle. ``group`` separates groups inside a menu. ``mouse`` is one line of mouse help.
    """

    id: str
    name: str
    run: Callable[[], object]
    keys: tuple[str, ...] = ()
    scope: Scope = Scope.GLOBAL
    menu: str = ""
    group: int = 0
    icon: str = ""
    reason: Callable[[], str] = always
    checked: Callable[[], bool] | None = None
    mouse: str = ""
    title: Callable[[], str] | None = None
    """Gives the menu text when it changes ("Undo Brush stroke on car #12")."""


PRESETS: Mapping[str, Mapping[str, str]] = {
    "Default": {},
    "labelme-like": {
        "tool.polygon": "Ctrl+N",
        "tool.rectangle": "Ctrl+R",
        "engine.run": "",
        "tool.select": "Ctrl+J",
        "file.open_folder": "Ctrl+U",
        "file.new_project": "",
    },
    "CVAT-like": {
        "image.previous": "D",
        "image.next": "F",
        "session.accept": "Return",
        "session.accept_next": "",
        "tool.polygon": "N",
        "object.hide": "H",
        "object.lock": "L",
        "tool.lasso": "",
    },
}


class Conflict(ValueError):
    """A key is taken by another action of the same scope; its text names that action."""


class ActionRegistry(QObject):
    """The commands as QActions, with the person's keys."""

    keys_changed = Signal()

    def __init__(self, settings: Settings, icon: Callable[[str], QIcon], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._icon = icon
        self._commands: dict[str, Command] = {}
        self._actions: dict[str, QAction] = {}
        self._deciding = False

    def add(self, commands: Iterable[Command], window: QWidget, canvas: QWidget) -> None:
        """Register commands. Keys of canvas and review belong to ``canvas`` and work only while it has the focus."""
        for command in commands:
            if command.id in self._commands:
                raise ValueError(f"There are two commands {command.id!r}.")
            self._commands[command.id] = command
            action = QAction(command.name, self)
            action.setObjectName(command.id)
            if command.icon:
                action.setIcon(self._icon(command.icon))
            if command.checked is not None:
                action.setCheckable(True)
            action.triggered.connect(lambda _checked=False, command=command: self._run(command))
            canvas_only = command.scope is not Scope.GLOBAL
            context = (
                Qt.ShortcutContext.WidgetWithChildrenShortcut if canvas_only else Qt.ShortcutContext.WindowShortcut
            )
            action.setShortcutContext(context)
            (canvas if canvas_only else window).addAction(action)
            self._actions[command.id] = action
            self._give_keys(command)
        self.refresh()

    def _run(self, command: Command) -> None:
        if not command.reason():
            command.run()
        self.refresh()

    def set_deciding(self, deciding: bool) -> None:
        """Whether the keys of the review work now, instead of those of the canvas."""
        if deciding != self._deciding:
            self._deciding = deciding
            for command in self._commands.values():
                if command.scope is not Scope.GLOBAL:
                    self._give_keys(command)

    def _live_keys(self, command: Command) -> tuple[str, ...]:
        """The keys that work at this moment."""
        keys = self.keys(command.id)
        if command.scope is Scope.REVIEW:
            return keys if self._deciding else ()
        if command.scope is Scope.GLOBAL or not self._deciding:
            return keys
        review = (other for other in self._commands.values() if other.scope is Scope.REVIEW)
        taken = {_normal(key) for other in review for key in self.keys(other.id)}
        return tuple(key for key in keys if _normal(key) not in taken)

    def _give_keys(self, command: Command) -> None:
        sequences = [QKeySequence(key, QKeySequence.SequenceFormat.PortableText) for key in self._live_keys(command)]
        self._actions[command.id].setShortcuts(sequences)

    def refresh(self) -> None:
        """Ask every command for its state; cheap enough to do after each event burst."""
        for command in self._commands.values():
            action = self._actions[command.id]
            reason = command.reason()
            action.setEnabled(not reason)
            if command.checked is not None:
                action.setChecked(command.checked())
            if command.title is not None:
                action.setText(command.title())
            action.setToolTip(self.tooltip(command.id, reason))
            action.setStatusTip(reason)

    def refresh_icons(self) -> None:
        """Draw the icons again (another theme)."""
        for command in self._commands.values():
            if command.icon:
                self._actions[command.id].setIcon(self._icon(command.icon))

    def tooltip(self, action_id: str, reason: str = "") -> str:
        """Name, key, one line of mouse help; when disabled the reason."""
        command = self._commands[action_id]
        keys = ", ".join(
            QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in self.keys(action_id)
        )
        lines = [f"{command.name} ({keys})" if keys else command.name, command.mouse, reason]
        return "\n".join(line for line in lines if line)

    # -- look-up -------------------------------------------------------------------------------------------------

    @property
    def commands(self) -> list[Command]:
        return list(self._commands.values())

    def command(self, action_id: str) -> Command:
        return self._commands[action_id]

    def action(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def trigger(self, action_id: str) -> None:
        """Run a command by its id if it is enabled (scripts, palette, tests)."""
        self._run(self._commands[action_id])

    # -- keys ----------------------------------------------------------------------------------------------------

    def default_keys(self, action_id: str) -> tuple[str, ...]:
        """Keys of the chosen preset."""
        preset = PRESETS.get(self._settings.text("shortcuts.preset"), {})
        if action_id in preset:
            return (preset[action_id],) if preset[action_id] else ()
        return self._commands[action_id].keys

    def keys(self, action_id: str) -> tuple[str, ...]:
        changed = self._settings.shortcuts.get(action_id)
        if changed is None:
            return self.default_keys(action_id)
        return tuple(key for key in changed.split(" | ") if key)

    def owner(self, key: str, scope: Scope, *, but: str = "") -> Command | None:
        """Who has a key already, seen from a scope: a global key collides with every scope."""
        wanted = _normal(key)
        for command in self._commands.values():
            collides = scope is command.scope or Scope.GLOBAL in (scope, command.scope)
            if command.id != but and collides and wanted in (_normal(k) for k in self.keys(command.id)):
                return command
        return None

    def set_keys(self, action_id: str, keys: tuple[str, ...]) -> None:
        """Give an action other keys. Raises :class:`Conflict`, naming the other action, when one is taken."""
        command = self._commands[action_id]
        for key in keys:
            other = self.owner(key, command.scope, but=action_id)
            if other is not None:
                text = QCoreApplication.translate("Shortcuts", "{key} is already used by “{name}”.")
                raise Conflict(text.format(key=key, name=other.name))
        same = tuple(map(_normal, keys)) == tuple(map(_normal, self.default_keys(action_id)))
        self._settings.set_shortcut(action_id, None if same else " | ".join(keys))
        self.reload_keys()

    def reset_keys(self, action_id: str | None = None) -> None:
        """Back to the preset: one action, or all of them."""
        if action_id is None:
            self._settings.clear_shortcuts()
        else:
            self.set_keys(action_id, self.default_keys(action_id))
        self.reload_keys()

    def reload_keys(self) -> None:
        """Take over keys after the preset changed."""
        for command in self._commands.values():
            self._give_keys(command)
        self.refresh()
        self.keys_changed.emit()

    def conflicts(self) -> list[tuple[str, str, str]]:
        """(key, action, other action) for every key that two actions of colliding scopes have."""
        found = []
        for command in self._commands.values():
            for key in self.keys(command.id):
                other = self.owner(key, command.scope, but=command.id)
                if other is not None:
                    found.append((key, command.id, other.id))
        return found


def _normal(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
