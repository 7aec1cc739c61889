"""Loading of files of transformers' form: all of a file or nothing, without the network and without code in files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.utils import logging as _untyped_logging

from inference.engine import WrongWeights
from inference.models.sam.shape import Sizes
from inference.models.seem.checkpoint import Mismatch, read_tensors, sizes_of

CONFIG = "config.json"

logging: Any = _untyped_logging

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.]+")
"""An architecture of ``timm``. Other forms make it ask the network."""


@dataclass(frozen=True, slots=True)
class Form:
    """How files of one model family are read.

    ``types`` are the model types of its ``config.json``, ``config`` makes a configuration of the table in it, and
    ``released`` one of the tensors' shapes alone, for files without a table.
    """

    title: str
    types: frozenset[str]
    config: Callable[[Mapping[str, Any]], Any]
    released: Callable[[Sizes], Any]


def load(path: Path, form: Form, model: Any) -> Any:
    """A model of that class with exactly the tensors of a file, float32, in evaluation mode.

    Raises :class:`WrongWeights`: what cannot be read, or only by running code in the file, and every tensor that is
    missing, of another shape, or neither of this model nor of the video model that it is a part of.
    """
    tensors = read_tensors(path)
    return with_tensors(tensors, configured(path, form, sizes_of(tensors)), form.title, model)


def configured(path: Path, form: Form, sizes: Sizes) -> Any:
    """The configuration that lies next to a file, else that of the released size it looks like."""
    table = path.parent / CONFIG
    if not table.is_file():
        return form.released(sizes)
    try:
        found = json.loads(table.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or found.get("model_type") not in form.types:
            raise WrongWeights(f"The {CONFIG} next to {path.name} is not that of a {form.title} model.")
        return form.config(_harmless(found, path))
    except WrongWeights:
        raise
    except Exception as error:  # a table that someone edited may break the configuration classes in any way
        raise WrongWeights(f"The {CONFIG} next to {path.name} cannot be read: {type(error).__name__}.") from error


def with_tensors(tensors: dict[str, Tensor], config: Any, title: str, model: Any) -> Any:
    """A model of this configuration with these tensors. Raises :class:`WrongWeights`, naming all that differ."""
    with _silence():
        # the loader knows the names of every release; given tensors, it looks for no file
        loaded, report = model.from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    mismatch = Mismatch(
        missing=tuple(sorted(report["missing_keys"])),
        unused=tuple(sorted(report["unexpected_keys"])),
        reshaped=tuple(sorted(name for name, *_ in report["mismatched_keys"])),
    )
    if mismatch:
        raise WrongWeights(mismatch.sentence(title))
    return loaded.eval().requires_grad_(False)


def _harmless(table: Any, path: Path) -> Any:
    """The table without what makes libraries fetch code or models by name. Raises :class:`WrongWeights`."""
    if isinstance(table, list):
        return [_harmless(each, path) for each in table]
    if not isinstance(table, dict):
        return table
    architecture = table.get("architecture")
    if architecture is not None and not _PLAIN_NAME.fullmatch(str(architecture)):
        raise WrongWeights(f"The {CONFIG} next to {path.name} names the architecture '{architecture}', which is none.")
    refused = ("auto_map", "custom_pipelines")
    return {
        name: _harmless(value, path)
        for name, value in table.items()
        if name not in refused and "attn_implementation" not in name
    }


@contextmanager
def _silence() -> Iterator[None]:
    """Without progress bars and the loader's own report: ours is the sentence."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
