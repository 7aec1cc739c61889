"""Where tensors are computed."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference import device, failures
from inference.engine import EngineError
from inference.messages import DeviceInfo


def test_a_process_without_torch_says_cpu_and_stays_without() -> None:
    code = "import sys; from inference import device; print(device.describe().name, 'torch' in sys.modules)"
    root = Path(__file__).parents[3]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["CPU", "False"]


def test_the_number_of_threads_can_be_set_and_is_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert device.free_cores() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert device.free_cores() >= 1


@pytest.mark.parametrize(("text", "cores"), [("150000 100000", 1), ("max 100000", None), ("400000 100000", 4)])
def test_a_container_s_quota_counts(tmp_path: Path, text: str, cores: int | None) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(text)
    assert device._container_cores(path) == cores


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "CUDA out of memory. Tried to allocate 2.14 GiB. GPU 0 has 8 GiB",
            "The GPU ran out of memory (needed about 2.3 GB).",
        ),
        (
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 64000000 bytes.",
            "The computer ran out of memory (needed about 64 MB).",
        ),
        ("", "The computer ran out of memory."),
    ],
)  # fmt: skip
def test_the_sentence_names_what_was_needed(text: str, sentence: str) -> None:
    assert failures.is_out_of_memory(MemoryError(text))
    assert failures.out_of_memory_sentence(text) == f"{sentence} Your prompts are kept."


@pytest.fixture
def torch_says(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let torch tell of another machine."""
    import torch

    def say(
        cuda: bool = False, mps: bool = False, capability: tuple[int, int] = (9, 0), built: tuple[str, ...] = ("sm_90",)
    ) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: int(cuda))
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda name: capability)
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: list(built))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: "Old Card")
        monkeypatch.setattr(torch.version, "cuda", "12.8")
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda name: (2_000_000_000, 8_000_000_000))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        device.chosen.cache_clear()

    for name in (device.DEVICE_VARIABLE, "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    threads = torch.get_num_threads()
    yield say
    device.chosen.cache_clear()
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("machine", "name", "half"),
    [
        ({"cuda": True}, "cuda:0", True),
        ({"cuda": True, "capability": (8, 6), "built": ("sm_80", "sm_90")}, "cuda:0", True),
        ({"cuda": True, "capability": (12, 1), "built": ("sm_90", "compute_90")}, "cuda:0", True),
        ({"cuda": True, "capability": (6, 1), "built": ("sm_60",)}, "cuda:0", False),
        ({"mps": True}, "mps", False),
        ({}, "cpu", False),
    ],
)
def test_the_device_and_its_precision(
    torch_says: Callable[..., None], machine: dict[str, Any], name: str, half: bool
) -> None:
    import torch

    torch_says(**machine)
    assert (device.chosen().name, device.chosen().half) == (name, half)
    assert device.torch_dtype() is (torch.float16 if half else torch.float32)
    assert str(device.torch_device()) == name


def test_the_status_line_says_why_a_gpu_is_not_used(
    torch_says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch_says(cuda=True, capability=(5, 0), built=("sm_80", "sm_90"))
    assert device.describe() == DeviceInfo("CPU", "this torch has no kernels for Old Card (compute capability 5.0)")
    torch_says()
    assert device.describe().reason.startswith("no CUDA device found")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    torch_says()
    assert device.describe().reason == "CUDA_VISIBLE_DEVICES hides every device"
    monkeypatch.setenv(device.DEVICE_VARIABLE, "cpu")
    torch_says(cuda=True)
    assert device.describe().reason == "MASKWRIGHT_DEVICE says so"
    monkeypatch.setenv(device.DEVICE_VARIABLE, "cuda:3")
    torch_says(cuda=True)
    with pytest.raises(EngineError, match=r"asks for 'cuda:3', but this machine has 1 CUDA"):
        device.chosen()


def test_the_status_line_shows_the_memory_in_use(torch_says: Callable[..., None]) -> None:
    torch_says(cuda=True)
    assert device.describe() == DeviceInfo("CUDA:0, 6.0 of 8.0 GB")


def test_freed_memory_is_returned_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(device, "_malloc_trim", lambda: calls.append)
    monkeypatch.setattr(device, "_returned", -math.inf)
    for _ in range(5):
        device.return_freed_memory()
    assert calls == [0], "not image by image"
    device.return_freed_memory(at_once=True)
    assert calls == [0, 0]
    monkeypatch.setattr(device, "_malloc_trim", lambda: None)
    monkeypatch.setattr(device, "_returned", -math.inf)
    device.return_freed_memory()


@pytest.mark.skipif(sys.platform != "linux", reason="only GNU's OpenMP displays its settings")
@pytest.mark.parametrize(("said", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_waiting_threads_leave_their_cores_to_others(said: dict[str, str], policy: str) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    told = subprocess.run(
        [sys.executable, "-c", "import inference, torch; torch.ones(2).sum()"],
        env=clean | said | {"OMP_DISPLAY_ENV": "true"},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert f"OMP_WAIT_POLICY = '{policy}'" in told
