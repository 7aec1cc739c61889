"""The state of the workspace and its signals; the other files of this package add what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop.canvas.host import CanvasInstance, SessionView, ToolOptions
from desktop.dataset.model import Category, Image, Instance
from desktop.workspace.values import ClassCount, EngineStatus, ImageFilter, JobInfo, ParkedSession, Proposal, Saved, SessionInfo


class WorkspaceBase(QObject):
    """Signals and read access. Signals carry no state but ids: read the properties after one."""

    project_changed = Signal()
    """Another project (or none) is open."""
    images_changed = Signal()
    """The list of images, its filter or its order changed."""
    image_state_changed = Signal(int)
    """The badge of one image changed (image id)."""
    image_changed = Signal()
    """Another image is current (or none)."""
    pixels_changed = Signal()
    """The pixels of the current image arrived (first scaled, then at full resolution)."""
    thumbnail_ready = Signal(int)
    """``thumbnail(image id)`` now returns a picture."""
    instances_changed = Signal(object)
    """Instances of the current image changed: a frozenset of ids (added, edited, removed, hidden, recoloured)."""
    selection_changed = Signal()
    categories_changed = Signal()
    """Classes were added, changed, removed, reordered, hidden; or their counts changed."""
    current_category_changed = Signal()
    session_changed = Signal()
    """Prompts, candidates, choice, busy state or the parked sessions changed."""
    engines_changed = Signal()
    """States of engines, *find with* / *refine with*, device or feature cache changed."""
    jobs_changed = Signal()
    proposals_changed = Signal()
    saved_changed = Signal()
    options_changed = Signal()
    """Tool options of the context bar changed."""
    history_changed = Signal()
    notice_raised = Signal(object)
    """A :class:`Notice` for the notice bar."""
    status_message = Signal(str)
    """A transient sentence for the left of the status bar."""
    region_of_interest_changed = Signal()
    context_menu_requested = Signal(int, int)
    """Global position."""
