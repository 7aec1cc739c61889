"""The workspace: everything the window shows and does, without widgets. Panels and canvas talk to nothing else.

Public names are re-exported here::

    from desktop.workspace import Workspace, EngineStatus, SessionInfo, Notice

The class is put together from one file per concern: ``base`` (signals and state), ``image_list`` (filter and order),
``images`` (going from image to image), ``opening``, ``prompting`` (the session), ``references``, ``classes``,
``objects`` (instances), ``engines`` (worker events), ``proposals`` (whole-image runs), ``exchange`` (import and export
jobs).
"""

from desktop.workspace.proposals import ProposalOrder
from desktop.workspace.unused import unused_sentence
from desktop.workspace.values import (
    ClassCount,
    ColourBy,
    EngineStatus,
    HistoryEntry,
    ImageFilter,
    JobInfo,
    JobState,
    LabelSuggestion,
    Notice,
    NoticeAction,
    ParkedSession,
    Proposal,
    Saved,
    SavedState,
    SessionInfo,
    Severity,
)
from desktop.workspace.workspace import Workspace

__all__ = [
    "ClassCount",
    "ColourBy",
    "EngineStatus",
    "HistoryEntry",
    "ImageFilter",
    "JobInfo",
    "JobState",
    "LabelSuggestion",
    "Notice",
    "NoticeAction",
    "ParkedSession",
    "Proposal",
    "ProposalOrder",
    "Saved",
    "SavedState",
    "SessionInfo",
    "Severity",
    "Workspace",
    "unused_sentence",
]
