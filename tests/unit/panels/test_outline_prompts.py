"""Polygon and lasso as prompts: the context bar says so and offers the polarity."""

from __future__ import annotations

from typing import cast

import pytest
from pytestqt.qtbot import QtBot

from desktop.panels.context_bar import ContextBar
from desktop.workspace import Workspace
from tests.unit.panels.fake_workspace import FakeWorkspace


@pytest.mark.parametrize("tool", ["polygon", "lasso"])
def test_outlines_can_be_prompts(qtbot: QtBot, tool: str) -> None:
    fake = FakeWorkspace()
    bar = ContextBar(cast(Workspace, fake))
    qtbot.addWidget(bar)
    bar.set_tool(tool, tool)
    assert bar._polarity.isHidden()
    assert not bar._protect.isHidden()
    bar._as_prompt.click()
    bar.refresh()
    assert fake.options.outline_prompts
    assert not bar._polarity.isHidden()
    assert not bar._protect.isHidden(), "what is accepted keeps off other instances, too"
    bar.set_tool("rectangle", "Rectangle")
    assert bar._as_prompt.isHidden()
    assert bar._polarity.isHidden()
