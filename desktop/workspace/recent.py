"""The list of recently used projects, a small JSON file in the user's state folder. Qt-free."""

from __future__ import annotations

import json
from pathlib import Path

LENGTH = 10


class RecentProjects:
    """Latest first. A broken or unwritable file costs the list, nothing else."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def paths(self) -> list[Path]:
        """Those that still exist."""
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        found = [Path(row) for row in rows if isinstance(row, str)] if isinstance(rows, list) else []
        return [path for path in found if path.exists()]

    def add(self, path: Path) -> None:
        """Put a project first."""
        path = path.absolute()
        rows = [path, *(other for other in self.paths() if other != path)][:LENGTH]
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._file.with_suffix(".part")
            temporary.write_text(json.dumps([str(row) for row in rows], ensure_ascii=False), encoding="utf-8")
            temporary.replace(self._file)
        except OSError:
            return
