"""Fixtures of the parity tests. The vectors lie in ``tests/data/parity``, or where ``MASKWRIGHT_PARITY`` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity import vectors
from tests.parity.seem_vectors import SeemVectors

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def seem_folder() -> Path:
    return vectors.folder("seem")


@pytest.fixture(scope="session")
def diffusion_folder() -> Path:
    return vectors.folder("diffusion")


@pytest.fixture(scope="session")
def openvocab_folder() -> Path:
    return vectors.folder("openvocab")


@pytest.fixture(scope="session")
def seem() -> SeemVectors:
    """The model of the vectors and its view of their image."""
    return SeemVectors()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that are not there make no test: without this, each would show up as a skipped one."""
    empty = [item for item in items if HERE in item.path.parents and _has_no_case(item)]
    if empty:
        items[:] = [item for item in items if item not in empty]
        config.hook.pytest_deselected(items=empty)


def _has_no_case(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("skip")
    return mark is not None and str(mark.kwargs.get("reason", "")).startswith("got empty parameter set")
