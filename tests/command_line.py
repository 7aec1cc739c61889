"""The command line in this process: ``run([...])`` returns the exit code that the shell would see."""

from __future__ import annotations

from desktop.cli.main import main


def run(arguments: list[str]) -> int:
    """Run one command. Its output goes where pytest captures it."""
    try:
        main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0
