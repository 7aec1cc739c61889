"""The canvas rows of the budgets (ux.md §11): printed, and failing at twice the budget."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from desktop.bench_canvas import BUDGETS_MS, run


@pytest.mark.perf
def test_the_canvas_keeps_its_budgets(qapp: QApplication, capsys: pytest.CaptureFixture[str]) -> None:
    figures = run()
    assert figures.keys() == BUDGETS_MS.keys()
    with capsys.disabled():
        print()
        for name, milliseconds in figures.items():
            print(f"  {name:18} {milliseconds:8.2f} ms of {BUDGETS_MS[name]:g} ms")
    late = {name: value for name, value in figures.items() if value > 2 * BUDGETS_MS[name]}
    assert late == {}
