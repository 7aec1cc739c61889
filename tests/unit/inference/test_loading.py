"""What the window hears of an engine that cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.messages import EngineChanged, EngineState, Failed, Finished
from inference.server import InProcess
from tests.unit.inference.stub_server import Ears, segment


def test_an_engine_that_could_not_be_loaded_is_not_loading_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_ENGINES", "tests.e2e.stub_engines:unfit,tests.e2e.stub_engines:quick")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    server = InProcess()
    try:
        ears = Ears(server)
        end = ears.end(ears.submit(segment(engine="stub-unfit")))
        assert isinstance(end, Failed)
        assert end.message == "Stub-Unfit cannot be loaded here."
        states = [event.state for event in ears.heard if isinstance(event, EngineChanged)]
        assert states == [EngineState.LOADING, EngineState.AVAILABLE]
        assert isinstance(ears.end(ears.submit(segment())), Finished)
    finally:
        assert server.close(10.0)
