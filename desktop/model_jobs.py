"""Downloads and checks of models as lines of the Jobs popover, so that they are seen when the page is closed."""

from __future__ import annotations

import time
from functools import partial

from PySide6.QtCore import QCoreApplication, QObject

from desktop.model_service import Activity, Doing, ModelService
from desktop.workspace import JobInfo, JobState, Workspace
from inference import weights


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelJobs", text)


class ModelJobs(QObject):
    """Keeps a window's jobs in step with its models."""

    def __init__(self, service: ModelService, workspace: Workspace) -> None:
        super().__init__(service)
        self._service = service
        self._workspace = workspace
        self._shown: dict[str, JobInfo] = {}
        service.moved.connect(self._follow)

    def _follow(self) -> None:
        for name, activity in self._service.activities.items():
            self._show(name, activity)
        for name in self._shown.keys() - self._service.activities.keys():
            self._end(name)

    def _show(self, name: str, activity: Activity) -> None:
        before = self._shown.get(name)
        if before is None:
            before = JobInfo(f"model-{name}-{time.monotonic_ns()}", "", started=time.monotonic())
        title = weights.catalogue().entry(name).title
        sentence = _tr("Check {title}") if activity.doing is Doing.CHECKING else _tr("Download {title}")
        states = {Doing.WAITING: JobState.WAITING, Doing.STOPPING: JobState.CANCELLING}
        job = JobInfo(
            before.id,
            sentence.format(title=title),
            states.get(activity.doing, JobState.RUNNING),
            activity.done / activity.total if activity.total else None,
            started=before.started,
        )
        if job != before:
            self._shown[name] = job
            self._workspace.show_job(job, partial(self._service.cancel, name))

    def _end(self, name: str) -> None:
        job = self._shown.pop(name)
        text, is_problem = self._service.last_words(name)
        stopped = job.state is JobState.CANCELLING
        state = JobState.FAILED if is_problem else JobState.CANCELLED if stopped else JobState.DONE
        fraction = 1.0 if state is JobState.DONE else job.fraction
        self._workspace.show_job(
            JobInfo(job.id, job.title, state, fraction, text, job.started, finished=time.monotonic())
        )


def service_of(workspace: Workspace, parent: QObject) -> ModelService:
    """The models of a window: they follow its settings, and its workspace learns which engines can be used."""
    service = ModelService(lambda: workspace.settings.flag("general.offline"), parent)
    service.engines_found.connect(workspace.set_missing_engines)
    ModelJobs(service, workspace)
    application = QCoreApplication.instance()
    if application is not None:
        application.aboutToQuit.connect(service.close)
    return service
