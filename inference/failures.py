"""From an exception in an engine to a kind and one sentence for a person (ux.md §13)."""

from __future__ import annotations

import re
import traceback

from inference.engine import EngineError, OutOfMemory, UnusablePrompts, WeightsMissing, WrongWeights
from inference.messages import FailureKind

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(GiB|MiB|KiB|GB|MB|KB|bytes)", re.IGNORECASE)
_BYTES = {"gib": 2**30, "mib": 2**20, "kib": 2**10, "gb": 10**9, "mb": 10**6, "kb": 10**3, "bytes": 1}
_KINDS = (
    (OutOfMemory, FailureKind.OUT_OF_MEMORY),
    (WeightsMissing, FailureKind.WEIGHTS_MISSING),
    (WrongWeights, FailureKind.WRONG_WEIGHTS),
    (UnusablePrompts, FailureKind.UNUSABLE_PROMPTS),
    (EngineError, FailureKind.ENGINE),
)


def is_out_of_memory(error: BaseException) -> bool:
    """Recognises torch's errors by name and text, so that torch need not be imported."""
    if isinstance(error, OutOfMemory | MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def describe(error: BaseException, engine_title: str) -> tuple[FailureKind, str, str]:
    """Kind, sentence and full report of what an engine raised."""
    details = "".join(traceback.format_exception(error))
    if is_out_of_memory(error):
        return FailureKind.OUT_OF_MEMORY, out_of_memory_sentence(str(error)), details
    for type_, kind in _KINDS:
        if isinstance(error, type_):
            return kind, str(error), details
    return FailureKind.INTERNAL, f"{engine_title} failed: {type(error).__name__}. Your prompts are kept.", details


def out_of_memory_sentence(text: str) -> str:
    """The sentence of ux.md §13, with the amount when the error names one."""
    lower = text.lower()
    what = "GPU" if any(word in lower for word in ("cuda", "gpu", "hip", "mps")) else "computer"
    asked = lower.find("allocate")
    found = _AMOUNT.search(text, max(asked, 0)) or _AMOUNT.search(text)
    needed = ""
    if found is not None:
        amount = float(found[1]) * _BYTES[found[2].lower()]
        needed = f" (needed about {amount / 1e9:.1f} GB)" if amount >= 1e8 else f" (needed about {amount / 1e6:.0f} MB)"
    return f"The {what} ran out of memory{needed}. Your prompts are kept."
