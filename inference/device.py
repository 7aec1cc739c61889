"""One place that decides where and how exactly tensors are computed. Torch is imported inside the functions only.

``MASKWRIGHT_DEVICE`` (``cpu``, ``cuda``, ``cuda:1``, ``mps``) overrules the choice.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from inference.engine import EngineError
from inference.messages import DeviceInfo

if TYPE_CHECKING:
    import torch

DEVICE_VARIABLE = "MASKWRIGHT_DEVICE"
REASON_VARIABLE = "MASKWRIGHT_DEVICE_REASON"
"""Set along with it by a program that overrules the choice: why the CPU is used."""
GIGABYTE = 1e9
HALF_CAPABILITY = (7, 0)
"""CUDA compute capability from which on float16 is faster than float32 (tensor cores)."""

RETURN_EVERY = 5.0
"""Seconds between two times that freed memory is given back to the system."""

_returned = -math.inf


@dataclass(frozen=True, slots=True)
class Device:
    """``name`` as torch writes it; ``half`` whether models compute in float16; ``reason`` why no GPU is used."""

    name: str
    half: bool = False
    reason: str = ""

    @property
    def is_cpu(self) -> bool:
        return self.name == "cpu"


@cache
def chosen() -> Device:
    """The device of this process, decided once. Raises :class:`EngineError` when the overruling one is not there."""
    import torch

    torch.set_num_threads(free_cores())
    wanted = os.environ.get(DEVICE_VARIABLE, "").strip().lower()
    if wanted == "cpu":
        return Device("cpu", reason=os.environ.get(REASON_VARIABLE) or f"{DEVICE_VARIABLE} says so")
    if torch.cuda.is_available() and (not wanted or wanted.startswith("cuda")):
        name = _cuda_name(wanted, torch.cuda.device_count())
        reason = _why_not_this_one(name)
        if not reason:
            return Device(name, half=torch.cuda.get_device_capability(name) >= HALF_CAPABILITY)
        if wanted:
            raise EngineError(f"{DEVICE_VARIABLE} asks for '{wanted}', but {reason}.")
        return Device("cpu", reason=reason)
    if torch.backends.mps.is_available() and wanted in ("", "mps"):
        return Device("mps")
    if wanted:
        raise EngineError(f"{DEVICE_VARIABLE} asks for '{wanted}', which this machine does not have.")
    return Device("cpu", reason=_why_no_gpu())


def torch_device() -> torch.device:
    """The chosen device as torch's type."""
    import torch

    return torch.device(chosen().name)


def torch_dtype() -> torch.dtype:
    """float16 on CUDA with tensor cores, else float32: half precision is slower than single on the CPU and on older
    GPUs, and unsafe for norms on MPS."""
    import torch

    return torch.float16 if chosen().half else torch.float32


def describe() -> DeviceInfo:
    """The device line of the engine panel; a process that loaded no torch computes on the CPU."""
    if "torch" not in sys.modules:
        return DeviceInfo("CPU")
    device = chosen()
    if device.is_cpu:
        return DeviceInfo("CPU", device.reason)
    if device.name == "mps":
        return DeviceInfo("MPS")
    import torch

    free, total = torch.cuda.mem_get_info(device.name)
    used = (total - free) / GIGABYTE
    return DeviceInfo(f"{device.name.upper()}, {used:.1f} of {total / GIGABYTE:.1f} GB")


def release_unused() -> None:
    """Give memory that torch only keeps for later back to the device; does nothing when torch is not loaded."""
    if "torch" not in sys.modules:
        return
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def return_freed_memory(at_once: bool = False) -> None:
    """Give what was freed back to the system; only glibc has to be told.

    After large arrays of changing sizes glibc keeps the holes between them: two hundred images through ``lite`` would
    hold 300 MB more. It takes 5 to 30 ms, and as long again until what is needed is mapped anew, so it happens at most
    every :data:`RETURN_EVERY` seconds unless it is asked for ``at_once``.
    """
    global _returned
    now = time.monotonic()
    if not at_once and now - _returned < RETURN_EVERY:
        return
    _returned = now
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    if sys.platform != "linux":
        return None
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


def free_cores() -> int:
    """How many threads an engine may use: the cores this process may run on, less one for the window above two."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdigit() and int(limit) > 0:
        return int(limit)
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quota = _container_cores()
    if quota is not None:
        cores = min(cores, max(1, quota))
    return cores - 1 if cores > 2 else cores


def _container_cores(path: Path = Path("/sys/fs/cgroup/cpu.max")) -> int | None:
    """Whole cores that a container's quota allows ("quota period" in microseconds), or None without a quota."""
    try:
        quota, period = path.read_text().split()
        return math.floor(int(quota) / int(period))
    except (OSError, ValueError):
        return None


def _cuda_name(wanted: str, count: int) -> str:
    index = wanted.partition(":")[2] or "0"
    if not index.isdigit() or int(index) >= count:
        raise EngineError(f"{DEVICE_VARIABLE} asks for '{wanted}', but this machine has {count} CUDA device(s).")
    return f"cuda:{index}"


def _why_not_this_one(name: str) -> str:
    """Why a CUDA device that is there cannot be used, or an empty text: kernels for it are not in this torch."""
    import torch

    major, minor = torch.cuda.get_device_capability(name)
    built = [_architecture(each) for each in torch.cuda.get_arch_list()]
    fits = any(
        (kind == "sm" and number // 10 == major and number % 10 <= minor)
        or (kind == "compute" and number <= 10 * major + minor)
        for kind, number in built
    )
    if fits or not built or torch.version.cuda is None:  # HIP builds name their architectures in another way
        return ""
    title = torch.cuda.get_device_name(name)
    return f"this torch has no kernels for {title} (compute capability {major}.{minor})"


def _architecture(text: str) -> tuple[str, int]:
    """("sm", 90) from "sm_90" or "sm_90a"."""
    kind, _, number = text.partition("_")
    digits = "".join(character for character in number if character.isdigit())
    return kind, int(digits or 0)


def _why_no_gpu() -> str:
    import torch

    if sys.platform == "darwin":
        return "Metal is not available"
    if torch.version.cuda is None and torch.version.hip is None:
        return "this torch is built without CUDA"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every device"
    if sys.platform == "linux" and torch.version.hip is None and not Path("/proc/driver/nvidia/version").exists():
        return "no CUDA device found (no NVIDIA driver is loaded)"
    return "no CUDA device found"
