"""For all tests: no display, no user settings, no user cache, one thread per numerical library."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from hypothesis import settings

# how long an example takes depends on what else the machine does; speed is measured by the benchmarks
settings.register_profile("maskwright", deadline=None)
settings.load_profile("maskwright")

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

_cache = tempfile.mkdtemp(prefix="maskwright-tests-")
os.environ["MASKWRIGHT_CACHE_DIR"] = _cache
atexit.register(shutil.rmtree, _cache, ignore_errors=True)
