"""Themes, the notice bar, and where windows may open."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from desktop import themes
from desktop.notices import NoticeBar
from desktop.themes import DARK, LIGHT, Theme
from desktop.window_layout import MINIMUM_SIZE, on_a_screen
from desktop.workspace.values import Notice, NoticeAction, Severity


def contrast(a: str, b: str) -> float:
    """WCAG contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in QColor(colour).getRgbF()[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_text_has_contrast_everywhere(theme: Theme) -> None:
    for surface in (theme.window, theme.panel, theme.field, theme.button, theme.hover, theme.selected):
        assert contrast(theme.text, surface) >= 4.5
    for surface in (theme.window, theme.panel, theme.field):
        assert contrast(theme.soft_text, surface) >= 4.5
        assert contrast(theme.error, surface) >= 4.5
        assert contrast(theme.accent, surface) >= 3
    assert contrast(theme.on_accent, theme.accent) >= 4.5


def test_themes_switch_without_restart(qapp: QApplication) -> None:
    before = qapp.styleSheet(), qapp.palette(), qapp.font()
    try:
        themes.apply(qapp, "dark", 150)
        assert qapp.palette().window().color() == QColor(DARK.window)
        assert qapp.font().pointSizeF() == pytest.approx(9.5 * 1.5)
        themes.apply(qapp, "light")
        assert qapp.palette().window().color() == QColor(LIGHT.window)
    finally:
        qapp.setStyleSheet(before[0])
        qapp.setPalette(before[1])
        qapp.setFont(before[2])


def test_the_stylesheet_is_balanced_and_scales() -> None:
    sheet = themes.stylesheet(LIGHT, 2.0)
    assert sheet.count("{") == sheet.count("}")
    assert not re.search(r"#[0-9a-f]{6}[0-9a-f]", sheet)
    assert "padding: 8px" in sheet


class TestNoticeBar:
    def test_repeats_are_folded(self, qtbot: QtBot) -> None:
        bar = NoticeBar()
        qtbot.addWidget(bar)
        for _ in range(12):
            bar.show_notice(Notice("It broke.", Severity.ERROR))
        assert bar.text == "It broke.  ×12"
        bar.dismiss()
        assert not bar.isVisible()

    def test_actions_run_and_details_are_copied(self, qtbot: QtBot) -> None:
        bar = NoticeBar()
        qtbot.addWidget(bar)
        ran: list[str] = []
        bar.show_notice(Notice("A", Severity.ERROR, (NoticeAction("Retry", lambda: ran.append("a")),), "the report"))
        buttons = {button.text(): button for button in bar.findChildren(QPushButton)}
        buttons["Details"].click()
        assert QGuiApplication.clipboard().text() == "the report"
        buttons["Retry"].click()
        assert ran == ["a"]
        assert bar.notice is None

    def test_an_information_never_hides_an_error(self, qtbot: QtBot) -> None:
        bar = NoticeBar()
        qtbot.addWidget(bar)
        bar.show_notice(Notice("error", Severity.ERROR))
        bar.show_notice(Notice("by the way"))
        assert bar.text == "error"
        bar.show_notice(Notice("worse", Severity.ERROR))
        assert bar.text == "worse"
        bar.dismiss()
        assert bar.text == "error"
        bar.dismiss()
        assert bar.text == "by the way"


SCREENS = [QRect(0, 0, 1920, 1080), QRect(1920, 200, 1280, 1024)]


@given(st.integers(-5000, 9000), st.integers(-5000, 9000), st.integers(1, 9000), st.integers(1, 9000))
def test_windows_open_on_a_screen_and_not_too_small(x: int, y: int, width: int, height: int) -> None:
    placed = on_a_screen(QRect(x, y, width, height), SCREENS)
    assert any(screen.contains(placed) for screen in SCREENS)
    assert placed.width() >= MINIMUM_SIZE[0]
    assert placed.height() >= MINIMUM_SIZE[1]


def test_a_window_that_fits_stays_where_it_was() -> None:
    wanted = QRect(2000, 300, 1000, 700)
    assert on_a_screen(wanted, SCREENS) == wanted
