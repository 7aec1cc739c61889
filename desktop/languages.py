"""The language of the interface: English in the source, other languages as catalogues of whole texts.

A catalogue is ``resources/translations/LANGUAGE.json``, a flat table from the English text to its translation. Texts
are looked up without Qt's context, because a class made of several others (`desktop.workspace`) would ask in the name
of the whole. What a catalogue lacks stays English. Qt's own buttons and dialogs come from Qt's catalogues.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator

from resources import resource

LANGUAGES: Mapping[str, str] = {"en": "English", "ko": "한국어"}
"""Languages that there are, by code, each in its own words."""


class Catalogue(QTranslator):
    """Texts of one language for Qt's ``tr`` and ``translate``."""

    def __init__(self, texts: Mapping[str, str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._texts = dict(texts)

    def isEmpty(self) -> bool:
        return not self._texts

    def translate(self, context: str, sourceText: str, disambiguation: str | None = None, n: int = -1) -> str | None:
        """The translation, or None (Qt then asks the next catalogue). ``context`` does not matter."""
        return self._texts.get(sourceText)


def word(value: StrEnum) -> str:
    """A value of an enumeration ("draft", "ready", "canvas") in the language of the interface."""
    return QCoreApplication.translate("Values", value.value)


def catalogue(language: str) -> dict[str, str]:
    """The texts of ``language`` ("ko"); empty for English. Raises KeyError for a language that there is not."""
    if language not in LANGUAGES:
        raise KeyError(language)
    if language == "en":
        return {}
    texts = json.loads(resource("translations", f"{language}.json").read_text(encoding="utf-8"))
    assert isinstance(texts, dict)
    return texts


def chosen(setting: str) -> str:
    """The language of a setting: a code of :data:`LANGUAGES`, or "system" for what the desktop speaks, else English."""
    code = QLocale.system().name()[:2] if setting == "system" else setting
    return code if code in LANGUAGES else "en"


def apply(application: QCoreApplication, setting: str) -> str:
    """Speak the language of ``setting`` from now on, in texts that are made from now on. Returns its code."""
    for old in application.findChildren(QTranslator):
        application.removeTranslator(old)
        old.deleteLater()
    language = chosen(setting)
    if language != "en":
        own = QTranslator(application)
        if own.load(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
            application.installTranslator(own)
        application.installTranslator(Catalogue(catalogue(language), application))
    return language
