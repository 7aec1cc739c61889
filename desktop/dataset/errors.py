"""Errors of the data set: small types whose ``str()`` is one clear sentence that can be shown as it is."""

from __future__ import annotations


class DatasetError(Exception):
    """Something is wrong with a file or a value; the message names it and says what that means."""


class MaskError(DatasetError, ValueError):
    """A mask, polygon or RLE that cannot be right (wrong size, not a number, broken run lengths)."""


class ImageReadError(DatasetError):
    """An image cannot be read; the sentence begins with the file name (ux.md §13)."""


class PromptFormatError(DatasetError, ValueError):
    """A stored prompt history cannot be read."""


class ProjectError(DatasetError):
    """A project file cannot be opened, read or changed."""


class NotAProject(ProjectError):
    """The file exists but is not a Maskwright project."""


class ProjectDamaged(ProjectError):
    """The file is a Maskwright project whose contents cannot be read."""


class ProjectTooNew(ProjectError):
    """The project was written by a later version of Maskwright."""


class ProjectExists(ProjectError):
    """A new project was asked for where a file already is."""


class ProjectReadOnly(ProjectError):
    """A change was asked of a project that is open read-only; the message says why it is."""


class UnknownItem(ProjectError, KeyError):
    """An image, class or instance id that the project does not have (any more)."""

    def __str__(self) -> str:
        return str(self.args[0])
