"""For all tests: no display, no user settings, no user cache, one thread per numerical library."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

_cache = tempfile.mkdtemp(prefix="maskwright-tests-")
os.environ["MASKWRIGHT_CACHE_DIR"] = _cache
atexit.register(shutil.rmtree, _cache, ignore_errors=True)
