"""Draws the icon set of the packages from the program's own SVG, by Qt: PNGs for Linux, .ico and .icns elsewhere.

QT_QPA_PLATFORM=offscreen python packaging/icons.py build/icons
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
WINDOWS_SIZES = (16, 24, 32, 48, 64, 128, 256)
SOURCE = Path(__file__).parent.parent / "resources" / "icons" / "app.svg"


def draw(out: Path) -> list[Path]:
    """Write ``hicolor/<size>x<size>/apps/maskwright.png`` and the scalable one, ``maskwright.ico`` and ``.icns``."""
    application = QGuiApplication.instance() or QGuiApplication([])
    renderer = QSvgRenderer(str(SOURCE))
    if not renderer.isValid():
        raise ValueError(f"{SOURCE} is no SVG that Qt can draw.")
    written = [_scalable(out)]
    for size in SIZES:
        picture = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        renderer.render(painter)
        painter.end()
        file = out / "hicolor" / f"{size}x{size}" / "apps" / "maskwright.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        if not picture.save(str(file)):
            raise OSError(f"{file} could not be written.")
        written.append(file)
    with Image.open(written[-1]) as largest:
        largest.save(out / "maskwright.ico", sizes=[(size, size) for size in WINDOWS_SIZES])
        largest.save(out / "maskwright.icns")
    del application
    return [*written, out / "maskwright.ico", out / "maskwright.icns"]


def _scalable(out: Path) -> Path:
    file = out / "hicolor" / "scalable" / "apps" / "maskwright.svg"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(SOURCE.read_bytes())
    return file


if __name__ == "__main__":
    for each in draw(Path(sys.argv[1])):
        print(each)
