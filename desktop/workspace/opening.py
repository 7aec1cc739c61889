"""Opening folders, images and projects, and closing them. Browsing never writes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from importlib.resources import as_file
from pathlib import Path

from PySide6.QtCore import QObject

from desktop.dataset import changes as c
from desktop.dataset.errors import DatasetError, UnknownItem
from desktop.dataset.history import Step
from desktop.dataset.images import scan_folder
from desktop.dataset.model import Instance
from desktop.dataset.store import FOLDER_MODE, SUFFIX, WHOLE_FOLDER, Project
from desktop.image_service import ImageService
from desktop.settings import Settings, user_state_folder
from desktop.workspace.images import Images
from desktop.workspace.link import InferenceLink
from desktop.workspace.recent import RecentProjects
from desktop.workspace.values import Notice, NoticeAction, Severity
from resources import resource


class Opening(Images):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._recent = RecentProjects(user_state_folder() / "recent.json")
        self.project_changed.connect(self._remember_project)

    @property
    def title(self) -> str:
        """Name of the project or folder, empty without one."""
        return self.storage.name

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Folders, images or a project file (drag and drop, command line)."""
        paths = [Path(path) for path in paths]
        missing = [path for path in paths if not path.exists()]
        if missing:
            self.problem(self.tr("{file} does not exist.").format(file=missing[0]))
        paths = [path for path in paths if path.exists()]
        project = next((path for path in paths if path.suffix == SUFFIX), None)
        if project is not None:
            self.open_project(project)
        elif len(paths) == 1 and paths[0].is_dir():
            self.open_folder(paths[0])
        elif paths:
            self.open_images(paths)

    def open_folder(self, folder: Path) -> None:
        """Browse a folder. Its project file appears with the first accepted change, never before."""
        folder = folder.absolute()
        stored = folder / (folder.name + SUFFIX)
        if not stored.exists():
            stored = next(iter(sorted(folder.glob("*" + SUFFIX))), stored)
        if stored.exists():
            self.open_project(stored)
            return
        self._browse(folder, [folder], whole=True)

    def open_images(self, paths: Sequence[Path]) -> None:
        """Browse some images; a project would be made in the folder of the first."""
        first = Path(paths[0]).absolute()
        self._browse(first if first.is_dir() else first.parent, paths)

    def _browse(self, folder: Path, paths: Sequence[Path], *, whole: bool = False) -> None:
        try:
            files = listed(paths)
        except DatasetError as error:
            self.problem(str(error))
            return
        if not files:
            self.problem(self.tr("There are no images in {folder}.").format(folder=folder.name), severe=False)
            return
        self._leave()
        self.storage.browse(folder, files, whole=whole)
        self._arrive()

    def open_project(self, path: Path) -> None:
        """Open a project file; images that are new in its folder are listed too (and stored with the next change)."""
        try:
            project = Project.open(path)
        except DatasetError as error:
            self.problem(str(error))
            return
        except OSError as error:
            self.problem(self.tr("{file}: {reason}.").format(file=path.name, reason=error.strerror or error))
            return
        self._leave()
        self.storage.use_project(project)
        if project.setting(FOLDER_MODE) == WHOLE_FOLDER and not project.read_only:
            self.storage.add_files(scan_folder(project.folder))
        self._recent.add(project.path)
        self._watch_saving()
        self._arrive()
        if project.read_only:
            self.raise_notice(Notice(project.read_only_reason, Severity.WARNING))
        self._offer_recovery(project)

    def new_project(self, path: Path, images: Sequence[Path] = ()) -> None:
        """Make a project file now, with images and the images of folders."""
        try:
            files = listed(images)
            project = Project.create(path)
        except DatasetError as error:
            self.problem(str(error))
            return
        self._leave()
        self.storage.use_project(project)
        self.storage.add_files(files)
        self._watch_saving()
        self.storage.apply(())
        self._arrive()

    def open_sample(self) -> None:
        """The bundled photos, copied to the user's own folder so that they can be annotated."""
        target = user_state_folder() / "sample"
        try:
            if not target.exists():
                target.mkdir(parents=True)
                with as_file(resource("sample")) as sample:
                    for file in sorted((sample / "images").iterdir()):
                        shutil.copy(file, target)
        except OSError as error:
            self.problem(self.tr("The sample could not be copied: {reason}.").format(reason=error.strerror))
            return
        self.open_folder(target)

    def close_project(self) -> None:
        """Back to the empty window; everything is written first."""
        self._leave()
        self._arrive()

    def recent_projects(self) -> list[Path]:
        """Project files that were open before and still exist, latest first."""
        return self._recent.paths()

    def _leave(self) -> None:
        self.image_leaving.emit()
        self._drop_requests()
        self._session = None
        self._parked.clear()
        self._proposals.clear()
        self.image_service.forget()
        self._show(None)
        self.storage.close()
        self._histories = type(self._histories)()

    def _arrive(self) -> None:
        self._list_opened()
        self._hidden_categories, self._solo_category = frozenset(), None
        categories = self.categories
        self._current_category = categories[0].id if categories else None
        self.project_changed.emit()
        self.images_changed.emit()
        self.categories_changed.emit()
        self.current_category_changed.emit()
        self.history_changed.emit()
        self.saved_changed.emit()
        visible = self.visible_images
        if visible:
            self.go_to_image(visible[0].id)

    def _remember_project(self) -> None:
        """Also a project file that the first change of a browsed folder made."""
        project = self.storage.project
        if project is not None and not project.read_only:
            self._recent.add(project.path)

    def _offer_recovery(self, project: Project) -> None:
        """Put back what an earlier run could not save, as one step that *Discard* takes back."""
        recovery = project.recovery
        if recovery is None or project.read_only:
            return
        ids = {
            i.id for ch in recovery.changes if isinstance(ch, c.AddInstances | c.ReplaceInstances) for i in ch.instances
        }
        ids |= {i for ch in recovery.changes if isinstance(ch, c.DeleteInstances) for i in ch.instance_ids}
        before = _known_instances(project, ids)
        image_ids = recovery.image_ids
        if image_ids:
            self.go_to_image(image_ids[0])
        count = project.restore_recovered()
        after = _known_instances(project, ids)
        self.storage.refresh()
        self._history.push(Step.of_instances(self.tr("Restore unsaved changes"), before, after))
        self._reload_instances()
        where = self.storage.image(image_ids[0]) if image_ids else None
        text = self.tr("Restored {n} changes on {image} from {time}").format(
            n=count, image=Path(where.path).name if where is not None else project.name, time=recovery.made[11:16]
        )
        show = NoticeAction(self.tr("Show"), lambda: self.go_to_image(image_ids[0]) if image_ids else None)
        self.raise_notice(Notice(text, Severity.WARNING, (show, NoticeAction(self.tr("Discard"), self.undo))))

    # -- the end -------------------------------------------------------------------------------------------------

    def shut_down(self) -> None:
        """Write everything and end the workspace's threads; the inference thread is closed by its owner."""
        self.image_leaving.emit()
        self._stop_jobs()
        self._stop_dating()
        # a mask may still be in the making for a question, and the worker is gone when it arrives
        self._forget_labels()
        self._drop_requests()
        self.image_service.stop()
        self.storage.close()


def listed(paths: Iterable[Path]) -> list[Path]:
    """Image files, and the image files in folders, in the order given. Raises ImageReadError for a folder."""
    files: list[Path] = []
    for path in paths:
        files.extend(scan_folder(path) if Path(path).is_dir() else [Path(path)])
    return files


def _known_instances(project: Project, ids: Iterable[int]) -> list[Instance]:
    found = []
    for instance_id in ids:
        try:
            found.append(project.instance(instance_id))
        except UnknownItem:
            continue
    return found
