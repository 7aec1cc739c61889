"""Prints as JSON what window system Qt finds; ``maskwright doctor`` runs it alone, because Qt may abort."""

from __future__ import annotations

import json

from PySide6.QtGui import QFontDatabase, QGuiApplication


def main() -> None:
    """Print platform, number of fonts, and the sizes of the screens in pixels."""
    application = QGuiApplication([])
    sizes = [screen.size() for screen in application.screens()]
    found = {
        "platform": application.platformName(),
        "fonts": len(QFontDatabase.families()),
        "screens": [f"{size.width()}x{size.height()}" for size in sizes],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
