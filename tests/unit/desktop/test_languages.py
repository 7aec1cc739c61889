"""The Korean catalogue is whole and fits the source; texts that it has not stay English."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from desktop import languages
from desktop.dataset.model import ReviewState
from tests.translatable import texts

KOREAN = languages.catalogue("ko")


@pytest.fixture
def korean(qapp: QApplication) -> Iterator[None]:
    languages.apply(qapp, "ko")
    yield
    languages.apply(qapp, "en")


def test_every_text_has_a_translation_and_every_translation_a_text() -> None:
    used = texts()
    assert {text: place for text, place in used.items() if text not in KOREAN} == {}
    assert sorted(set(KOREAN) - set(used)) == []


def test_translations_have_the_places_of_their_texts() -> None:
    def places(text: str) -> list[str]:
        return sorted(re.findall(r"%\d|\{[^}]*\}", text))

    wrong = {text: other for text, other in KOREAN.items() if places(text) != places(other) or not other.strip()}
    assert wrong == {}


def test_texts_are_found_whatever_class_asks(korean: None) -> None:
    class Anyone(QObject):
        pass

    assert Anyone().tr("Undo") == KOREAN["Undo"]
    assert QCoreApplication.translate("Nowhere", "Undo") == KOREAN["Undo"]
    assert QCoreApplication.translate("Nowhere", "a text of tomorrow") == "a text of tomorrow"
    assert languages.word(ReviewState.NEEDS_WORK) == KOREAN["needs work"]


def test_qt_speaks_the_same_language(korean: None) -> None:
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    assert box.button(QDialogButtonBox.StandardButton.Cancel).text() == "취소"


def test_back_to_english(qapp: QApplication) -> None:
    languages.apply(qapp, "ko")
    assert languages.apply(qapp, "en") == "en"
    assert QCoreApplication.translate("Commands", "Undo") == "Undo"


def test_a_language_that_there_is_not() -> None:
    assert languages.chosen("tlh") == "en"
    with pytest.raises(KeyError):
        languages.catalogue("tlh")
