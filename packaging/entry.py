"""Where the frozen program begins. It starts itself as its inference worker, so that question comes first of all."""

import multiprocessing
import sys

from inference import worker

multiprocessing.freeze_support()
worker.run_if_asked(sys.argv)

from desktop.cli import alone  # noqa: E402 - nothing of the window may be loaded in the worker
from desktop.cli.main import main  # noqa: E402

alone.run_if_asked(sys.argv)
main()
