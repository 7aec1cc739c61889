"""Engines by name: the built-in ones, those of installed packages, and those that an environment variable names.

An engine is *plugged in* as an object (usually its module) with

- ``SPEC``: its :class:`EngineSpec`, importable without torch;
- ``create() -> Engine``: loads it, with all heavy imports inside;
- optionally ``installed() -> bool``: whether its weights are on this machine (without it: yes if it needs none).

Third parties publish that object as an entry point of the group ``maskwright.engines``. For trying one out,
``MASKWRIGHT_ENGINES`` takes a comma-separated list of ``module`` or ``module:object``.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol, cast

from inference import add_on, remote
from inference.engine import Engine, EngineError, EngineSpec, WeightsMissing
from inference.weights import NoWeights, names_for

log = logging.getLogger(__name__)

BUILT_IN = ("classic", "lite", "seem", "sam", "sam2", "edgetam", "sam3", "tcl", "odise", "refdiff", "peekaboo")
"""Modules of ``inference.engines``, in the order of the chooser."""

SERVICES = ("clip",)
"""Modules of ``inference.engines`` that serve the other engines by name and are in no chooser."""

ENTRY_POINTS = "maskwright.engines"
EXTRA_VARIABLE = "MASKWRIGHT_ENGINES"


class UnknownEngine(EngineError):
    """No engine of that name is registered."""


class LibraryMissing(EngineError):
    """A library that the engine is made of is not part of this installation."""


class PlugIn(Protocol):
    """What an engine module offers."""

    SPEC: EngineSpec

    def create(self) -> Engine: ...


def engine_specs() -> tuple[EngineSpec, ...]:
    """The specs of all engines, built-in ones first. Loads no engine and no torch."""
    return tuple(plug_in.SPEC for plug_in in _plug_ins().values())


def spec(name: str) -> EngineSpec:
    """The spec of one engine. Raises :class:`UnknownEngine`."""
    return _plug_in(name).SPEC


def known(name: str) -> bool:
    """Whether there is an engine or service of that name."""
    return name in _plug_ins() or name in _services()


def installed(name: str) -> bool:
    """Whether the engine could be loaded now, as far as can be said without loading it."""
    plug_in = _plug_in(name)
    asked: Callable[[], bool] | None = getattr(plug_in, "installed", None)
    return asked() if asked is not None else not plug_in.SPEC.weights


def create_engine(name: str) -> Engine:
    """Load an engine. Raises :class:`UnknownEngine`, :class:`WeightsMissing`, :class:`LibraryMissing` or another
    :class:`EngineError`.

    Missing weights are a :class:`NoWeights`, which knows what to get. With a server it may work there (``remote``).
    """
    plug_in = _plug_in(name)
    if remote.configured():
        from inference.remote.engines import opened

        return opened(plug_in.SPEC, installed(name), lambda: _created(plug_in))
    return _created(plug_in)


def _created(plug_in: PlugIn) -> Engine:
    try:
        return plug_in.create()
    except NoWeights:
        raise
    except WeightsMissing as error:
        raise NoWeights(str(error), names_for(plug_in.SPEC.weights)) from error
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "inference"):  # a fault of the program and not of the installation
            raise
        title = plug_in.SPEC.title
        raise LibraryMissing(
            f"{title} needs the library {library}, which is missing here. {add_on.remedy()}"
        ) from error


def default_engine() -> str:
    """The engine of the first launch: ``lite`` when it is there with its weights, else ``classic``."""
    if "lite" in _plug_ins() and installed("lite"):
        return "lite"
    return "classic"


def _plug_in(name: str) -> PlugIn:
    plug_ins = _plug_ins()
    if name not in plug_ins and name in _services():
        return _services()[name]
    if name not in plug_ins:
        raise UnknownEngine(f"There is no engine '{name}'; the engines are: {', '.join(plug_ins)}.")
    return plug_ins[name]


def _plug_ins() -> dict[str, PlugIn]:
    """By name; the first to claim a name keeps it, so that nothing installed can replace a built-in engine."""
    found: dict[str, PlugIn] = {}
    for plug_in in (*_packaged(), *_extra(os.environ.get(EXTRA_VARIABLE, ""))):
        found.setdefault(plug_in.SPEC.name, plug_in)
    return found


@cache
def _services() -> dict[str, PlugIn]:
    return {name: _load(f"inference.engines.{name}") for name in SERVICES}


@cache
def _packaged() -> tuple[PlugIn, ...]:
    modules = (f"inference.engines.{name}" for name in BUILT_IN)
    built_in = [_load(module) for module in modules if importlib.util.find_spec(module) is not None]
    return (*built_in, *_from_entry_points())


def _from_entry_points() -> Iterator[PlugIn]:
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            plug_in = entry.load()
            _checked(plug_in, entry.value)
        except Exception:  # another package's fault must not take the built-in engines away
            log.exception("The engine '%s' of %s could not be registered", entry.name, entry.value)
        else:
            yield plug_in


@cache
def _extra(names: str) -> tuple[PlugIn, ...]:
    return tuple(_load(name.strip()) for name in names.split(",") if name.strip())


def _load(name: str) -> PlugIn:
    module, _, attribute = name.partition(":")
    loaded = importlib.import_module(module)
    return _checked(getattr(loaded, attribute) if attribute else loaded, name)


def _checked(plug_in: object, where: str) -> PlugIn:
    if not isinstance(getattr(plug_in, "SPEC", None), EngineSpec) or not callable(getattr(plug_in, "create", None)):
        raise EngineError(f"{where} is not an engine: it needs SPEC (an EngineSpec) and create().")
    return cast(PlugIn, plug_in)
