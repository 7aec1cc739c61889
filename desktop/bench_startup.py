"""Measures the start to a usable empty window (ux.md §11): ``maskwright bench startup`` runs it in a fresh process."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time


def main() -> None:
    """Print wall and CPU milliseconds from this module's start to the painted window, and whether torch came in.

    ``ready_at`` is when the window was painted, in seconds since the epoch: who started this process can compare.
    """
    begun, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as profile:
        # the figures must not depend on the user's recent projects and settings
        os.environ["MASKWRIGHT_CONFIG_DIR"] = os.environ["MASKWRIGHT_STATE_DIR"] = profile
        from desktop.app import create_application, create_window

        application = create_application(["maskwright"])
        window = create_window([])
        window.show()
        application.processEvents()
        window.repaint()
        figures = {
            "ready_at": time.time(),
            "window_ms": (time.perf_counter() - begun) * 1e3,
            "cpu_ms": (time.process_time() - cpu) * 1e3,
            "torch": "torch" in sys.modules,
        }
        window.close()
        window.finish()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
