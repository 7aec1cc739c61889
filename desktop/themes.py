"""Light and dark appearance on Qt's Fusion style, switched without restart. Contrasts are tested (ux.md §20)."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from resources import resource

CANVAS_GREY = "#5a5a5a"
"""The same neutral grey behind the image in every theme, so that colours are judged alike."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``#rrggbb``: window surface, panel surface, field, raised control, lines, text, accent."""

    name: str
    window: str
    panel: str
    field: str
    button: str
    hover: str
    line: str
    text: str
    soft_text: str
    disabled: str
    accent: str
    accent_hover: str
    on_accent: str
    selected: str
    link: str
    warning: str
    error: str


LIGHT = Theme(
    "light", "#f3f4f6", "#fbfbfc", "#ffffff", "#ffffff", "#e7eaef", "#c9ced6", "#1d2128", "#545c68", "#7d8592",
    "#2563c9", "#1d55b0", "#ffffff", "#dbe7fb", "#1d55b0", "#8a5200", "#b3261e",
)  # fmt: skip
DARK = Theme(
    "dark", "#202327", "#272b30", "#1b1e22", "#31363c", "#3a4048", "#444b54", "#e6e8eb", "#a9b0ba", "#757d88",
    "#5b9bf5", "#83b5fa", "#10151c", "#2c4468", "#83b5fa", "#f0b458", "#ff8a80",
)  # fmt: skip


def resolve(choice: str) -> Theme:
    """The theme behind a choice of *system*, *light* or *dark*."""
    if choice == "system":
        scheme = QGuiApplication.styleHints().colorScheme()
        return DARK if scheme is Qt.ColorScheme.Dark else LIGHT
    return DARK if choice == "dark" else LIGHT


def apply(application: QApplication, choice: str, scale_percent: int = 100) -> Theme:
    """Give the whole application a theme and a size; returns the theme in force."""
    theme = resolve(choice)
    if application.style().objectName().lower() != "fusion":
        application.setStyle("Fusion")
    font = application.font()
    font.setPointSizeF(9.5 * scale_percent / 100)
    application.setFont(font)
    application.setPalette(palette(theme))
    application.setStyleSheet(stylesheet(theme, scale_percent / 100))
    return theme


def palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    colours = {
        role.Window: theme.window,
        role.WindowText: theme.text,
        role.Base: theme.field,
        role.AlternateBase: theme.panel,
        role.Text: theme.text,
        role.Button: theme.button,
        role.ButtonText: theme.text,
        role.BrightText: theme.error,
        role.ToolTipBase: theme.panel,
        role.ToolTipText: theme.text,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent,
        role.Link: theme.link,
        role.PlaceholderText: theme.soft_text,
        role.Mid: theme.line,
        role.Midlight: theme.hover,
        role.Dark: theme.line,
        role.Light: theme.panel,
        role.Accent: theme.accent,
    }
    result = QPalette()
    for which, colour in colours.items():
        result.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.disabled))
    result.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(theme.line))
    return result


def stylesheet(theme: Theme, scale: float = 1.0) -> str:
    """Spacing, lines and the focus ring. Distances are multiples of 4 px at 100 %."""

    def px(value: float) -> str:
        return f"{round(value * scale)}px"

    def drawing(name: str) -> str:
        # Qt reads pictures of a stylesheet by path; packages are always unpacked, so the resource is a file
        return str(resource("theme", f"{theme.name}-{name}.svg")).replace("\\", "/")

    t = theme
    return f"""
QMainWindow, QDialog {{ background: {t.window}; }}
QMainWindow::separator {{ background: {t.line}; width: 1px; height: 1px; }}
QMainWindow::separator:hover {{ background: {t.accent}; }}
QToolTip {{ background: {t.panel}; color: {t.text}; border: 1px solid {t.line}; padding: {px(4)}; }}
QMenuBar {{ background: {t.window}; border-bottom: 1px solid {t.line}; padding: {px(1)} {px(4)}; }}
QMenuBar::item {{ padding: {px(4)} {px(8)}; border-radius: {px(4)}; background: transparent; }}
QMenuBar::item:selected {{ background: {t.hover}; }}
QMenu {{ background: {t.panel}; border: 1px solid {t.line}; padding: {px(4)}; }}
QMenu::item {{ padding: {px(4)} {px(24)} {px(4)} {px(12)}; border-radius: {px(4)}; }}
QMenu::icon {{ left: {px(8)}; }}
QMenu::indicator {{ left: {px(8)}; width: {px(14)}; height: {px(14)}; }}
QMenu::item:selected {{ background: {t.selected}; color: {t.text}; }}
QMenu::item:disabled {{ color: {t.disabled}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: {px(4)} {px(8)}; }}
QToolBar {{ background: {t.window}; border: none; spacing: {px(1)}; padding: {px(4)}; }}
QToolBar#tools {{ border-right: 1px solid {t.line}; }}
QToolBar::separator {{ background: {t.line}; height: 1px; width: 1px; margin: {px(3)} {px(4)}; }}
QToolButton {{ border: 1px solid transparent; border-radius: {px(4)}; padding: {px(3)}; color: {t.text};
  background: transparent; }}
QToolButton:hover {{ background: {t.hover}; }}
QToolButton:checked {{ background: {t.selected}; border-color: {t.accent}; }}
QToolButton:focus {{ border: 1px solid {t.accent}; }}
QToolButton[popupMode="2"] {{ padding-right: {px(18)}; }}
QToolButton::menu-indicator {{ image: url("{drawing("down")}"); width: {px(12)}; height: {px(12)};
  subcontrol-origin: padding; subcontrol-position: right center; }}
QToolButton:disabled {{ color: {t.disabled}; }}
QPushButton {{ background: {t.button}; border: 1px solid {t.line}; border-radius: {px(4)};
  padding: {px(4)} {px(12)}; min-height: {px(16)}; }}
QPushButton:hover {{ background: {t.hover}; }}
QPushButton:focus {{ border: 2px solid {t.accent}; padding: {px(3)} {px(11)}; }}
QPushButton:default, QPushButton[primary="true"] {{ background: {t.accent}; color: {t.on_accent};
  border-color: {t.accent}; }}
QPushButton:default:hover, QPushButton[primary="true"]:hover {{ background: {t.accent_hover}; }}
QPushButton[primary="true"]:focus {{ border: 2px solid {t.text}; }}
QPushButton:disabled, QPushButton[primary="true"]:disabled {{ color: {t.disabled}; background: {t.window};
  border: 1px solid {t.line}; padding: {px(4)} {px(12)}; }}
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {{ background: {t.field};
  border: 1px solid {t.line}; border-radius: {px(4)}; padding: {px(3)} {px(6)};
  selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {{
  border: 1px solid {t.accent}; }}
QComboBox::drop-down {{ border: none; width: {px(20)}; }}
QComboBox::down-arrow {{ image: url("{drawing("down")}"); width: {px(14)}; height: {px(14)}; }}
QSpinBox, QDoubleSpinBox {{ padding-right: {px(18)}; }}
QListWidget::item, QTableWidget::item, QTreeWidget::item {{ padding-left: {px(6)}; }}
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {{
  subcontrol-origin: border; width: {px(18)}; border: none; background: transparent; }}
QSpinBox::up-button, QDoubleSpinBox::up-button {{ subcontrol-position: top right; }}
QSpinBox::down-button, QDoubleSpinBox::down-button {{ subcontrol-position: bottom right; }}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: url("{drawing("up")}"); width: {px(12)}; height: {px(12)}; }}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{ image: url("{drawing("down")}"); width: {px(12)};
  height: {px(12)}; }}
QSpinBox::up-button:hover, QSpinBox::down-button:hover, QDoubleSpinBox::up-button:hover,
QDoubleSpinBox::down-button:hover {{ background: {t.hover}; }}
QCheckBox, QRadioButton {{ spacing: {px(8)}; }}
QCheckBox::indicator, QAbstractItemView::indicator {{ width: {px(14)}; height: {px(14)};
  border: 1px solid {t.soft_text}; border-radius: {px(3)}; background: {t.field}; }}
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked {{ background: {t.accent};
  border-color: {t.accent}; image: url("{drawing("check")}"); }}
QCheckBox::indicator:indeterminate {{ background: {t.accent}; border-color: {t.accent};
  image: url("{drawing("partial")}"); }}
QCheckBox::indicator:disabled {{ border-color: {t.line}; background: {t.window}; }}
QRadioButton::indicator {{ width: {px(14)}; height: {px(14)}; border: 1px solid {t.soft_text};
  border-radius: {px(8)}; background: {t.field}; }}
QRadioButton::indicator:checked {{ width: {px(8)}; height: {px(8)}; border: {px(4)} solid {t.accent};
  background: {t.on_accent}; }}
QRadioButton::indicator:disabled {{ border-color: {t.line}; }}
QCheckBox:focus, QRadioButton:focus {{ color: {t.link}; }}
QCheckBox::indicator:focus {{ border: 2px solid {t.accent}; }}
QComboBox QAbstractItemView {{ background: {t.panel}; border: 1px solid {t.line}; outline: none; }}
QAbstractItemView {{ background: {t.field}; border: 1px solid {t.line}; outline: none;
  selection-background-color: {t.selected}; selection-color: {t.text}; }}
QAbstractItemView:focus {{ border: 1px solid {t.accent}; }}
QHeaderView, QHeaderView:focus {{ background: {t.window}; border: none; }}
QHeaderView::section {{ background: {t.window}; color: {t.soft_text}; border: none;
  border-bottom: 1px solid {t.line}; padding: {px(3)} {px(6)}; }}
QTabWidget::pane {{ border: none; }}
QTabBar::tab {{ background: transparent; color: {t.soft_text}; border: none; padding: {px(6)} {px(12)};
  border-bottom: 2px solid transparent; }}
QTabBar::tab:hover {{ background: {t.hover}; }}
QTabBar::tab:selected {{ color: {t.text}; border-bottom: 2px solid {t.accent}; }}
QTabBar:focus {{ border: 1px solid {t.accent}; border-radius: {px(4)}; }}
QProgressBar {{ background: {t.line}; border: none; border-radius: {px(2)}; text-align: center; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: {px(2)}; }}
QSlider::groove:horizontal {{ height: {px(4)}; border-radius: {px(2)}; background: {t.line}; }}
QSlider::sub-page:horizontal {{ border-radius: {px(2)}; background: {t.accent}; }}
QSlider::handle:horizontal {{ width: {px(12)}; height: {px(12)}; margin: -{px(5)} 0; border-radius: {px(7)};
  background: {t.button}; border: 1px solid {t.soft_text}; }}
QSlider::handle:horizontal:hover {{ border-color: {t.accent}; }}
QSlider::handle:horizontal:focus {{ border: 2px solid {t.accent}; }}
QSlider::sub-page:horizontal:disabled, QSlider::handle:horizontal:disabled {{ background: {t.line}; }}
QDockWidget {{ titlebar-close-icon: none; }}
QScrollArea {{ border: none; background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: {px(10)}; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: {px(10)}; margin: 0; }}
QScrollBar::handle {{ background: {t.line}; border-radius: {px(4)}; margin: {px(1)}; min-height: {px(24)};
  min-width: {px(24)}; }}
QScrollBar::handle:hover {{ background: {t.soft_text}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QStatusBar {{ background: {t.window}; border-top: 1px solid {t.line}; }}
QStatusBar::item {{ border: none; }}
QSplitter::handle {{ background: {t.line}; }}
QFrame#notice {{ background: {t.selected}; border: none; border-bottom: 1px solid {t.line}; }}
QFrame#notice[severity="warning"] {{ border-left: {px(4)} solid {t.warning}; }}
QFrame#notice[severity="error"] {{ border-left: {px(4)} solid {t.error}; }}
QFrame#notice[severity="info"] {{ border-left: {px(4)} solid {t.accent}; }}
QFrame#palette {{ background: {t.panel}; border: 1px solid {t.line}; border-radius: {px(8)}; }}
QFrame#sessionBar, QFrame#session_bar {{ background: {t.panel}; border: 1px solid {t.line};
  border-radius: {px(8)}; }}
QLabel[soft="true"] {{ color: {t.soft_text}; }}
QLabel[heading="true"] {{ color: {t.soft_text}; font-weight: 600; }}
QLabel[problem="true"] {{ color: {t.error}; font-weight: 600; }}
"""
