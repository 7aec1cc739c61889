"""Engines as the window knows them: states from the worker's events, and which one finds and which one refines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QObject

from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.link import InferenceLink
from desktop.workspace.shaping import Shaping
from desktop.workspace.values import EngineStatus
from inference.engine import EngineSpec, OptionValue
from inference.engine import Image as EngineImage
from inference.messages import (
    CacheChanged,
    DeviceInfo,
    Encode,
    EngineChanged,
    EngineState,
    Finished,
    Segment,
)


class Engines(Shaping):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._find_with = settings.text("engines.find_with")
        self._refine_with = settings.text("engines.refine_with")
        self._device: DeviceInfo | None = None
        self._cache = CacheChanged(0, 0, settings.number("memory.features_mb") * 2**20)
        self._last_ms: dict[str, float] = {}
        self._engine_options: dict[str, dict[str, OptionValue]] = {}

    def set_engine_specs(self, specs: Sequence[EngineSpec], missing: frozenset[str] = frozenset()) -> None:
        """Tell which engines there are; ``missing`` are those whose weights were not found."""
        for spec in specs:
            state = EngineState.NOT_INSTALLED if spec.name in missing else EngineState.AVAILABLE
            self._engines[spec.name] = EngineStatus(spec, state)
        usable = [name for name, status in self._engines.items() if status.usable]
        for choice in ("_find_with", "_refine_with"):
            if usable and getattr(self, choice) not in usable:
                setattr(self, choice, usable[0])
        self.engines_changed.emit()

    @property
    def engines(self) -> Sequence[EngineStatus]:
        return [
            replace(status, features_here=(status.spec.name, self._hash) in self._cache.encoded)
            for status in self._engines.values()
        ]

    def engine_status(self, name: str) -> EngineStatus | None:
        return next((status for status in self.engines if status.spec.name == name), None)

    @property
    def specs(self) -> dict[str, EngineSpec]:
        return {name: status.spec for name, status in self._engines.items()}

    @property
    def find_with(self) -> str:
        """The engine that answers a new session."""
        return self._find_with

    @property
    def refine_with(self) -> str:
        """The engine that answers once there is a mask to refine."""
        return self._refine_with

    def set_find_with(self, engine: str) -> None:
        """Choose who finds. Prompts of an open session stay; known answers of that engine are shown at once."""
        self._choose_engines(engine, self._refine_with)

    def set_refine_with(self, engine: str) -> None:
        self._choose_engines(self._find_with, engine)

    def _choose_engines(self, find_with: str, refine_with: str) -> None:
        if find_with not in self._engines or refine_with not in self._engines:
            raise ValueError(f"There is no engine named {find_with!r} or {refine_with!r}.")
        self._find_with, self._refine_with = find_with, refine_with
        self.settings.set("engines.find_with", find_with)
        self.settings.set("engines.refine_with", refine_with)
        self.engines_changed.emit()
        self._engines_chosen()

    def _engines_chosen(self) -> None:
        """The session follows (see :class:`Prompting`)."""
        self.encode_current()

    def engine_options(self, engine: str) -> dict[str, OptionValue]:
        """The value of every option of an engine, as it will be asked next."""
        spec = self.specs.get(engine)
        return spec.settled(self._engine_options.get(engine, {})) if spec is not None else {}

    def changed_options(self, engine: str) -> dict[str, OptionValue]:
        """The options of an engine that differ from their defaults: what requests carry."""
        return dict(self._engine_options.get(engine, {}))

    def set_engine_option(self, engine: str, name: str, value: OptionValue) -> None:
        """Change an option for this run of the program. What the engine answered before is asked again.

        Raises :class:`UnusableOption` for a value that the option cannot have.
        """
        spec = self.specs[engine]
        settled = spec.settled({**self._engine_options.get(engine, {}), name: value})
        changed = {
            option.name: settled[option.name] for option in spec.options if settled[option.name] != option.default
        }
        if changed != self._engine_options.get(engine, {}):
            self._engine_options[engine] = changed
            self.engines_changed.emit()
            self._options_chosen(engine)

    def _options_chosen(self, engine: str) -> None:
        """The session follows (see :class:`Prompting`)."""

    @property
    def device(self) -> DeviceInfo | None:
        return self._device

    @property
    def cache(self) -> tuple[int, int, int]:
        """(images, used bytes, budget bytes) of the feature cache."""
        return self._cache.images, self._cache.used_bytes, self._cache.budget_bytes

    @property
    def cache_on_disk(self) -> int:
        """Bytes of features on disk."""
        return self._cache.disk_bytes

    def milliseconds(self, engine: str) -> float | None:
        """How long the last round of an engine took on this device, None before the first."""
        return self._last_ms.get(engine)

    def engine_image(self) -> EngineImage | None:
        """The current image as engines get it, None while it is being decoded."""
        return EngineImage(self._pixels, self._hash) if self._pixels is not None else None

    def encode_current(self) -> None:
        """Prepare the current image for the finding engine, so that the first click is quick."""
        image = self.engine_image()
        status = self._engines.get(self._find_with)
        if self._link is None or image is None or status is None or not status.usable:
            return
        if (self._find_with, self._hash) not in self._cache.encoded:
            self._link.submit(Encode(self._find_with, image, options=self.changed_options(self._find_with)))

    def encode_ahead(self, image: EngineImage) -> None:
        """Prepare the image that will probably be looked at next, when the worker has nothing better to do."""
        status = self._engines.get(self._find_with)
        if self._link is None or status is None or not status.usable:
            return
        if (self._find_with, image.content_hash) not in self._cache.encoded:
            self._link.submit(
                Encode(self._find_with, image, prefetch=True, options=self.changed_options(self._find_with))
            )

    def set_missing_engines(self, missing: frozenset[str]) -> None:
        """Weights came or went: engines become available, or not installed when they are not in use."""
        before = dict(self._engines)
        for name, status in before.items():
            if name not in missing and status.state is EngineState.NOT_INSTALLED:
                self._engines[name] = replace(status, state=EngineState.AVAILABLE, message="")
            elif name in missing and status.state is EngineState.AVAILABLE:
                self._engines[name] = replace(status, state=EngineState.NOT_INSTALLED)
        if self._engines != before:
            self.engines_changed.emit()

    def use_cpu(self, reason: str) -> None:
        """Compute on the CPU from now on; ``reason`` is for the device line."""
        if self._link is not None:
            self._link.use_cpu(reason)

    def reload_engine(self, engine: str) -> None:
        """Try a failed engine again: its state goes back to *available*, the next prompt loads it."""
        status = self._engines.get(engine)
        if status is not None:
            if self._link is not None:
                self._link.restart_engine(engine)
            self._engines[engine] = replace(status, state=EngineState.AVAILABLE, message="", fraction=None)
            self.engines_changed.emit()
            self._engines_chosen()

    def _engine_event(self, event: object) -> None:
        match event:
            case EngineChanged(engine=name) if name in self._engines:
                known = self._engines[name]
                self._engines[name] = EngineStatus(
                    known.spec,
                    event.state,
                    event.message,
                    event.fraction,
                    fingerprint=event.fingerprint or known.fingerprint,
                )
            case CacheChanged():
                self._cache = event
            case DeviceInfo():
                self._device = event
            case Finished(request=Segment(engine=name), run_ms=run_ms):
                self._last_ms[name] = run_ms
                return
            case _:
                return
        self.engines_changed.emit()
