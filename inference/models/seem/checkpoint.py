"""Loading and saving of SEEM files under their official tensor names: all of a file or nothing.

The official loader drops tensors that do not fit without a word; this one names every tensor that is missing, left
over, or of another shape.
"""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.engine import WrongWeights
from inference.models.seem.model import Seem
from inference.models.seem.shape import PIXEL_DECODER, PREDICTOR, RELEASED, TEXT, SeemShape, Sizes

OFFICIAL_PREFIXES = {"text.": TEXT, "pixel_decoder.": PIXEL_DECODER, "decoder.": PREDICTOR, "backbone.": "backbone."}
"""Our module prefixes and the official ones."""

IGNORED = frozenset({"dilation_kernel", "criterion.empty_weight"})
"""Constants of the training code that lie in official files and that no answer depends on."""

WRAPPERS = ("model", "state_dict")
PREFIXES = ("module.", "model.")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How a file differs from a model, by official names."""

    missing: tuple[str, ...]
    unused: tuple[str, ...]
    reshaped: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unused or self.reshaped)

    def sentence(self, title: str) -> str:
        """The sentence of the notice bar; the names follow on lines of their own, for *Details*."""
        parts = []
        if self.missing:
            parts.append(f"{_tensors(len(self.missing))} missing")
        for names, one, many in (
            (self.reshaped, "has another shape", "have other shapes"),
            (self.unused, "is not used", "are not used"),
        ):
            if names:
                count = str(len(names)) if parts else _tensors(len(names))
                parts.append(f"{count} {one if len(names) == 1 else many}")
        details = [f"missing: {name}" for name in self.missing]
        details += [f"other shape: {name}" for name in self.reshaped]
        details += [f"not used: {name}" for name in self.unused]
        return "\n".join([f"This file is not a {title} checkpoint: {', '.join(parts)}.", *details])


def official_name(name: str) -> str:
    """The official name of one of our tensors."""
    ours = next(prefix for prefix in OFFICIAL_PREFIXES if name.startswith(prefix))
    return OFFICIAL_PREFIXES[ours] + name[len(ours) :]


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` or torch file under official names, without wrapper and prefix.

    Raises :class:`WrongWeights` when the file cannot be read, or could only be read by running code in it.
    """
    try:
        if path.suffix == ".safetensors":
            found: object = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise WrongWeights(f"{path.name} cannot be read as a weights file: {_first_line(error)}.") from error
    for wrapper in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        raise WrongWeights(f"{path.name} holds no table of tensors.")
    return {_plain(str(name), found): value for name, value in found.items()}


def sizes_of(tensors: dict[str, Tensor]) -> Sizes:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def expected_sizes(shape: SeemShape) -> Sizes:
    """Official names and shapes of all tensors of a model; builds no weights."""
    with torch.device("meta"):
        model = Seem(shape)
    return {official_name(name): tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def compare(sizes: Sizes, shape: SeemShape) -> Mismatch:
    """How a file with tensors of these names and shapes differs from a model."""
    expected = expected_sizes(shape)
    return Mismatch(
        missing=tuple(sorted(expected.keys() - sizes.keys())),
        unused=tuple(sorted(sizes.keys() - expected.keys() - IGNORED)),
        reshaped=tuple(sorted(name for name in expected.keys() & sizes.keys() if expected[name] != sizes[name])),
    )


def recognise(sizes: Sizes) -> str | None:
    """Which released architecture a file is of (a key of ``RELEASED``), by names and shapes alone."""
    return next((title for title, shape in RELEASED.items() if not compare(sizes, shape)), None)


def load(tensors: dict[str, Tensor], shape: SeemShape, title: str = "SEEM") -> Seem:
    """A model with exactly these tensors, float32, in evaluation mode. Raises :class:`WrongWeights` with all names."""
    mismatch = compare(sizes_of(tensors), shape)
    if mismatch:
        raise WrongWeights(mismatch.sentence(title))
    with torch.device("meta"):
        model = Seem(shape)
    ours = {name: tensors[official_name(name)].float() for name in model.state_dict()}
    model.load_state_dict(ours, strict=True, assign=True)
    return model.eval().requires_grad_(False)


def save(model: Seem, path: Path) -> None:
    """Write the model's tensors under official names, as safetensors or, for other suffixes, as a torch file."""
    tensors = {official_name(name): tensor.contiguous() for name, tensor in model.state_dict().items()}
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)


def _plain(name: str, all_names: dict[str, Tensor]) -> str:
    for prefix in PREFIXES:
        if all(each.startswith(prefix) for each in all_names):
            return name[len(prefix) :]
    return name


def _tensors(count: int) -> str:
    return f"{count} tensor{'' if count == 1 else 's'}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
