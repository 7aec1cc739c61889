"""Where tensors are computed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inference import device, failures


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
