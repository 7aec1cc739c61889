"""Starting and ending the application. No torch is imported in this process, ever (design.md §1)."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from desktop import engine_server, languages, themes
from desktop.image_service import ImageService
from desktop.inference_thread import InferenceThread
from desktop.main_window import MainWindow
from desktop.panels.icons import icon
from desktop.settings import Settings, user_state_folder
from desktop.workspace import Workspace
from inference import registry
from inference.feature_disk import features_folder
from inference.features import Budgets
from inference.server import Supervised

_crash_log: IO[str] | None = None


class NoDisplay(Exception):
    """The window system cannot be reached; the text says what to do."""


def run(paths: Sequence[str | Path], overrides: Mapping[str, str] | None = None) -> int:
    """Open the window on folders, images or a project and stay until it is closed. Returns the exit code.

    ``overrides`` are settings for this run only ("appearance.theme" -> "dark"). 2: wrong settings or no display.
    """
    try:
        check_display()
        settings = Settings(overrides=overrides)
    except (NoDisplay, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    application = create_application(sys.argv[:1] or ["maskwright"], settings)
    log_crashes()
    window = create_window([Path(path) for path in paths], settings)
    window.show()
    code = application.exec()
    window.finish()
    return code


def check_display() -> None:
    """Say in words what Qt would only abort with: no display on Linux. Raises :class:`NoDisplay`.

    With a Wayland or X11 display that has no matching plug-in, Qt is told to try the other one.
    """
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return
    x11, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if not x11 and not wayland:
        raise NoDisplay(
            "No display was found (neither DISPLAY nor WAYLAND_DISPLAY is set). Run maskwright in a desktop session, "
            "or with QT_QPA_PLATFORM=offscreen for a run without a screen."
        )
    if x11 and wayland:
        os.environ["QT_QPA_PLATFORM"] = "wayland;xcb"


def create_application(argv: Sequence[str], settings: Settings | None = None) -> QApplication:
    """The one QApplication, with name, icon and theme."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        QGuiApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
        application = QApplication(list(argv))
    application.setApplicationName("maskwright")
    application.setApplicationDisplayName("Maskwright")
    application.setDesktopFileName("maskwright")
    application.setWindowIcon(icon("app"))
    settings = settings if settings is not None else Settings()
    languages.apply(application, settings.text("appearance.language"))
    themes.apply(application, settings.text("appearance.theme"), settings.number("appearance.scale"))
    return application


def create_window(paths: Sequence[Path], settings: Settings | None = None) -> MainWindow:
    """A window with its workspace and its inference worker, which starts once the window is on screen."""
    settings = settings if settings is not None else Settings()
    workspace = Workspace(settings, None, ImageService(settings.number("memory.images_mb") * 2**20))
    variables = engine_server.environment(settings)
    thread = InferenceThread(server=Supervised(feature_budgets(settings), variables))
    window = MainWindow(workspace, thread.close)
    thread.setParent(window)
    specs = registry.engine_specs()
    missing = frozenset(spec.name for spec in specs if not registry.installed(spec.name))
    workspace.set_engine_specs(specs, missing)
    lent = engine_server.EngineServer(window)
    lent.answered.connect(lambda names: workspace.set_engine_specs(specs, missing - names))
    lent.failed.connect(lambda text: workspace.problem(text, severe=False))
    hook = ExceptionHook(window)
    hook.caught.connect(lambda text, details: workspace.problem(text, details))
    hook.install()
    follow = QGuiApplication.styleHints().colorSchemeChanged
    follow.connect(window.set_appearance)

    def begin() -> None:
        thread.start()
        workspace.connect_inference(thread)
        lent.ask(variables)
        if paths:
            workspace.open_paths(paths)
        elif settings.flag("general.reopen") and workspace.recent_projects():
            workspace.open_project(workspace.recent_projects()[0])

    QTimer.singleShot(0, window, begin)
    return window


def feature_budgets(settings: Settings) -> Budgets:
    """What the feature cache may use, by the settings."""
    return Budgets(
        ram_bytes=settings.number("memory.features_mb") * 2**20,
        disk_bytes=settings.number("memory.features_disk_mb") * 2**20,
        disk_folder=str(features_folder()),
    )


class ExceptionHook(QObject):
    """Turns an exception that no one caught into a notice with *Details*; from any thread."""

    caught = Signal(str, str)

    def install(self) -> None:
        sys.excepthook = self._hook

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(details)
        if issubclass(kind, KeyboardInterrupt):
            QCoreApplication.quit()
            return
        text = QCoreApplication.translate("Application", "Something went wrong: {error}. Your annotations are kept.")
        with contextlib.suppress(RuntimeError):  # the window is gone already: stderr has it
            self.caught.emit(text.format(error=str(error) or kind.__name__), details)


def log_crashes() -> None:
    """Let native crashes leave a trace in the user's state folder."""
    global _crash_log
    folder = user_state_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _crash_log = (folder / "crash.log").open("a", encoding="utf-8")
    except OSError:
        return
    faulthandler.enable(_crash_log)
