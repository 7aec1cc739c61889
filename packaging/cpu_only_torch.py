"""Run before the program in a bundle without CUDA (see ``cuda_placeholders.py``): torch then knows that it has none.

A torch that was built with CUDA registers kernels, streams and communicators of CUDA while it is imported. The steps
that do so ask first whether this build has CUDA and whether it was made for several machines; both are answered no.
"""

import importlib.abc
import sys

FOR_MANY_MACHINES = ("_c10d_init", "_rpc_init", "_dist_autograd_init")
OF_CUDA = ("_cuda_getDeviceCount",)


class _Correction(importlib.abc.MetaPathFinder):
    """Finds nothing; sees to it that the compiled half of torch is corrected before the next module is imported."""

    def find_spec(self, name, path, target=None):
        native = sys.modules.get("torch._C")
        if not name.startswith("torch.") or native is None:
            return
        sys.meta_path.remove(self)
        native._has_cuda = False
        for feature in (*FOR_MANY_MACHINES, *OF_CUDA):
            if hasattr(native, feature):
                delattr(native, feature)
        version = sys.modules.get("torch.version")
        if version is not None:
            version.cuda = None


sys.meta_path.insert(0, _Correction())
