"""Modules that run in a process of their own: measurements of a fresh start, probes of what may break.

A frozen program has no interpreter to give a module to, so it starts itself with :data:`FLAG`.
"""

from __future__ import annotations

import runpy
import sys

FLAG = "--run-module"
MODULES = ("desktop.bench_", "desktop.probe_", "inference.probe_")
"""How the names of the modules begin that may be run so."""


def command(module: str) -> list[str]:
    """The command line that runs a module of the program alone."""
    if getattr(sys, "frozen", False):
        return [sys.executable, FLAG, module]
    return [sys.executable, "-m", module]


def run_if_asked(arguments: list[str]) -> None:
    """Among the first lines of a frozen program's main: run the module that :data:`FLAG` names, and exit then."""
    if len(arguments) == 3 and arguments[1] == FLAG and arguments[2].startswith(MODULES):
        runpy.run_module(arguments[2], run_name="__main__")
        sys.exit(0)
