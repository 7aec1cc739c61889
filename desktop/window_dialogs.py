"""The dialogs of the main window: choosing files, numbers, settings, help. All are opened, none waits in a loop of its
own but file dialogs and short questions that a person asked for."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

import PySide6
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QInputDialog,
    QMainWindow,
    QMessageBox,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import ActionRegistry
from desktop.cheat_sheet import CheatSheet
from desktop.command_palette import CommandPalette
from desktop.dataset.decode import SUFFIXES
from desktop.dataset.formats.recognise import recognised
from desktop.dataset.store import SUFFIX
from desktop.engine_options_dialog import EngineOptionsDialog
from desktop.instance_editor import InstanceEditor
from desktop.languages import word
from desktop.model_jobs import service_of
from desktop.model_service import ModelService
from desktop.panels.batch_dialog import BatchDialog
from desktop.panels.export_dialog import ExportDialog
from desktop.panels.import_dialog import ImportDialog
from desktop.panels.models_page import ModelsPage
from desktop.panels.quality_panel import QualityPanel
from desktop.settings_dialog import SettingsDialog
from desktop.shortcuts import ShortcutEditor
from desktop.workspace import Workspace
from inference import __version__

FOLLOWING = 20
"""So many following images are offered at first."""


def tr(text: str) -> str:
    return QCoreApplication.translate("MainWindow", text)


class WindowDialogs(QMainWindow):
    """The part of the main window that asks and tells."""

    workspace: Workspace
    registry: ActionRegistry
    _models: ModelService | None = None

    def _start_folder(self) -> str:
        return str(self.workspace.storage.folder or Path.home())

    def ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Open folder"), self._start_folder())
        if folder:
            self.workspace.open_folder(Path(folder))

    def ask_images(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        files, _ = QFileDialog.getOpenFileNames(
            self, tr("Open images"), self._start_folder(), f"{tr('Images')} ({patterns})"
        )
        if files:
            self.workspace.open_images([Path(file) for file in files])

    def ask_project(self) -> None:
        file, _ = QFileDialog.getOpenFileName(
            self, tr("Open project"), self._start_folder(), f"{tr('Maskwright projects')} (*{SUFFIX})"
        )
        if file:
            self.workspace.open_project(Path(file))

    def ask_new_project(self) -> None:
        """The place of the project first, then the folder of its images."""
        file, _ = QFileDialog.getSaveFileName(
            self, tr("New project"), self._start_folder(), f"{tr('Maskwright projects')} (*{SUFFIX})"
        )
        if not file:
            return
        path = Path(file)
        folder = QFileDialog.getExistingDirectory(self, tr("Folder of the images"), str(path.parent))
        if folder:
            self.workspace.new_project(path, [Path(folder)])

    def ask_save_elsewhere(self) -> None:
        """Choose another place for a project file that cannot be written where it should be."""
        file, _ = QFileDialog.getSaveFileName(
            self, tr("Save elsewhere"), str(Path.home()), f"{tr('Maskwright projects')} (*{SUFFIX})"
        )
        if not file:
            return
        path = Path(file) if file.endswith(SUFFIX) else Path(file + SUFFIX)
        self.workspace.save_elsewhere(path)

    def show_models(self, wanted: str = "") -> None:
        """The page of model weights, at an entry or a family when one is named. Asks no server by itself."""
        if self._models is None:
            self._models = service_of(self.workspace, self)
        self._open(ModelsPage(self._models, self, wanted))

    def tell_weights(self, engine: str) -> None:
        """Show which weights an engine needs, where they are looked for, and how to get them."""
        status = self.workspace.engine_status(engine)
        if status is not None:
            self.show_models(status.spec.weights[0] if status.spec.weights else "")

    def ask_following(self) -> None:
        """Ask in how many following images to look for what is marked here."""
        there = len(self.workspace.following_images())
        text = self.tr("In how many of the {n} following images").format(n=there)
        title = self.tr("Apply to following images")
        number, chosen = QInputDialog.getInt(self, title, text, min(there, FOLLOWING), 1, max(there, 1))
        if chosen:
            self.workspace.apply_to_following(number)

    def show_batch(self) -> None:
        """What to look for in many images, as a job."""
        self._open(BatchDialog(self.workspace, self))

    def has_engine_options(self) -> str:
        """Empty, or that the chosen engines have no options."""
        ws = self.workspace
        chosen = {ws.find_with, ws.refine_with}
        if any(spec.options for name, spec in ws.specs.items() if name in chosen):
            return ""
        return tr("The chosen engines have no options.")

    def show_engine_options(self) -> None:
        self._open(EngineOptionsDialog(self.workspace, self))

    def show_export(self) -> None:
        if self.workspace.project is not None and not self.workspace.read_only:
            self.workspace.with_sizes(lambda: self._open(ExportDialog(self.workspace, self)))
        elif self.workspace.project is not None:
            self._open(ExportDialog(self.workspace, self))

    def show_import(self) -> None:
        self.workspace.with_sizes(lambda: self._open(ImportDialog(self.workspace, self)))

    def open_dropped(self, paths: Sequence[Path]) -> None:
        """Annotations go to the import dialog once there are images for them; everything else is opened."""
        found = [(path, name) for path in paths if (name := recognised(path))]
        if found and self.workspace.images:
            path, name = found[0]
            self.workspace.with_sizes(lambda: self._open(ImportDialog(self.workspace, self, path, name)))
        else:
            self.workspace.open_paths(paths)

    def show_quality(self) -> None:
        """What the quality rules find in the project; the list stays open beside the window."""
        panel = next(iter(self.findChildren(QualityPanel)), None)
        if panel is None:
            panel = QualityPanel(self.workspace, self)
            panel.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            panel.show()
        else:
            panel.raise_()
            panel.check()

    def show_settings(self) -> None:
        engines = {status.spec.name: status.spec.title for status in self.workspace.engines}
        self._open(SettingsDialog(self.workspace.settings, self, engines))

    def show_shortcuts(self) -> None:
        self._open(ShortcutEditor(self.registry, self.workspace.settings, self))

    def edit_selection(self) -> None:
        self._open(InstanceEditor(self.workspace, self))

    def show_palette(self) -> None:
        """Every command by name."""
        palette = CommandPalette(self.registry, self)
        palette.open_over(self)

    def show_cheat_sheet(self) -> None:
        self._open(CheatSheet(self.registry, self))

    def show_messages(self) -> None:
        rows = "\n".join(f"{time}  {text}" for time, text in self.workspace.messages())
        self._open(_TextDialog(tr("Message log"), rows or tr("No messages yet."), self))

    def show_about(self) -> None:
        text = f"Maskwright {__version__}\nPython {platform.python_version()}, PySide6 {PySide6.__version__}\n"
        QMessageBox.about(self, tr("About Maskwright"), text + tr("Apache License 2.0"))

    def _save_details(self) -> None:
        saved = self.workspace.saved
        project = self.workspace.project
        where = str(project.path) if project is not None else tr("There is no project file yet.")
        self._open(_TextDialog(tr("Saving"), f"{where}\n{saved.reason or tr('Every change is saved.')}", self))

    def _engine_details(self, engine: str) -> None:
        status = self.workspace.engine_status(engine)
        if status is not None:
            spec = status.spec
            state = f"{word(status.state)}: {status.message}" if status.message else word(status.state)
            text = f"{spec.title}: {state}\n\n{spec.adds}\n\n{spec.licence}\n\n{spec.citation}"
            self._open(_TextDialog(spec.title, text, self))

    def _device_details(self) -> None:
        device = self.workspace.device
        text = tr("The worker has not said yet.") if device is None else f"{device.name}\n{device.reason}"
        self._open(_TextDialog(tr("Device"), text, self))

    def _open(self, dialog: QDialog) -> None:
        """Show a dialog without waiting for it; it is deleted when it closes."""
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(True)
        dialog.show()


class _TextDialog(QDialog):
    """Text to read and copy."""

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        view = QPlainTextEdit(text)
        view.setReadOnly(True)
        view.setAccessibleName(title)
        lines = view.fontMetrics().lineSpacing() * (text.count("\n") + 4)
        self.resize(560, min(max(lines + 80, 180), 480))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.addWidget(view)
        column.addWidget(buttons)
        buttons.button(QDialogButtonBox.StandardButton.Close).setFocus()
