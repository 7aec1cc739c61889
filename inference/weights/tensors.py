"""Names and shapes of the tensors in a file, from its table of contents alone: no torch, no code run, no data read.

Safetensors files have a JSON header. Torch files have a pickle that lists the tensors; it is read by an unpickler that
knows the few names such lists consist of and refuses every other, which is what code in a pickle needs.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, TypeAlias

from inference.engine import WrongWeights

Shape: TypeAlias = tuple[int, ...]
Tensors: TypeAlias = dict[str, Shape]

SUFFIXES = frozenset({".safetensors", ".pt", ".pth", ".bin", ".ckpt"})
LARGEST_TABLE = 64 << 20
"""Bytes of a table of contents; those of the largest networks are a few megabytes."""

WRAPPERS = ("model", "state_dict")
PREFIXES = ("module.", "model.")

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


class CodeInside(WrongWeights):
    """The file is a pickle that runs code when it is loaded; it is refused."""


def tensors_of(path: Path) -> Tensors:
    """Names (without wrapper and common prefix) and shapes of all tensors of a file.

    Raises :class:`WrongWeights` when it is damaged or no file of tensors, :class:`CodeInside` when it is unsafe.
    """
    try:
        state = path.stat()
        return dict(_read(str(path), state.st_size, state.st_mtime_ns))
    except OSError as error:
        raise WrongWeights(f"{path.name} cannot be read: {error.strerror or error}.") from error


@lru_cache(maxsize=1024)
def _read(name: str, size: int, _changed: int) -> Tensors:
    path = Path(name)
    found: object
    if path.suffix == ".safetensors":
        found = _safetensors(path, size)
    elif zipfile.is_zipfile(path):
        found = _zipped(path)
    else:
        found = _legacy(path)
    for wrapper in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict):
        raise WrongWeights(f"{path.name} holds no table of tensors.")
    shapes = {str(key): value.shape for key, value in found.items() if isinstance(value, _Tensor)}
    if not shapes:
        raise WrongWeights(f"{path.name} holds no table of tensors.")
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in shapes):
            return {key[len(prefix) :]: shape for key, shape in shapes.items()}
    return shapes


class _Tensor:
    """A tensor of which only the shape is known."""

    __slots__ = ("shape",)

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def _safetensors(path: Path, size: int) -> dict[str, _Tensor]:
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= min(LARGEST_TABLE, size - 8):
            raise WrongWeights(f"{path.name} is damaged: it has no header.")
        try:
            header = json.loads(stream.read(length))
            rows = {name: row for name, row in header.items() if name != "__metadata__"}
            end = max((row["data_offsets"][1] for row in rows.values()), default=0)
            found = {name: _Tensor(tuple(map(int, row["shape"]))) for name, row in rows.items()}
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise WrongWeights(f"{path.name} is damaged: its header cannot be read.") from error
    if size != 8 + length + end:
        raise WrongWeights(f"{path.name} is damaged: it has {size} bytes instead of {8 + length + end}.")
    return found


def _zipped(path: Path) -> object:
    try:
        with zipfile.ZipFile(path) as archive:
            tables = [info for info in archive.infolist() if info.filename.endswith("data.pkl")]
            if len(tables) != 1 or tables[0].file_size > LARGEST_TABLE:
                raise WrongWeights(f"{path.name} holds no table of tensors.")
            with archive.open(tables[0]) as stream:
                return _unpickled(stream, path)
    except zipfile.BadZipFile as error:
        raise WrongWeights(f"{path.name} is damaged: {error}.") from error


def _legacy(path: Path) -> object:
    """Torch files before version 1.6: a magic number, a version, facts of the system, then the table."""
    with path.open("rb") as stream:
        if stream.read(1) != b"\x80":  # every pickle of torch starts so; other files need not be tried
            raise WrongWeights(f"{path.name} cannot be read as a weights file.")
        stream.seek(0)
        limited = _Limited(stream)
        first = _unpickled(limited, path)
        if first != _LEGACY_MAGIC:
            return first
        _unpickled(limited, path)
        _unpickled(limited, path)
        return _unpickled(limited, path)


class _Limited:
    """The first bytes of a stream: a table that does not end within them is none."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = LARGEST_TABLE

    def read(self, size: int = -1) -> bytes:
        size = self._left if size < 0 else min(size, self._left)
        self._left -= size
        return self._stream.read(size)

    def readline(self) -> bytes:
        line = self._stream.readline(self._left)
        self._left -= len(line)
        return line


def _unpickled(stream: Any, path: Path) -> object:
    try:
        return _TableReader(stream, path.name).load()
    except WrongWeights:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise WrongWeights(f"{path.name} cannot be read as a weights file.") from error


def _rebuilt(_storage: object, _offset: object, shape: Any, *_rest: object) -> _Tensor:
    return _Tensor(tuple(map(int, shape)))


def _parameter(data: object, *_rest: object) -> object:
    return data


class _Inert:
    """Stands for storages, dtypes and devices, of which nothing is needed."""

    def __init__(self, *_arguments: object) -> None:
        pass


class _TableReader(pickle.Unpickler):
    """Builds dictionaries of :class:`_Tensor`; anything that is not part of such a table is refused."""

    def __init__(self, stream: Any, file: str) -> None:
        super().__init__(stream, encoding="utf-8")
        self._file = file

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) in (("builtins", "set"), ("__builtin__", "set")):
            return set
        if module == "torch._utils":
            if name.startswith("_rebuild_tensor"):
                return _rebuilt
            if name.startswith("_rebuild_parameter"):
                return _parameter
        if (module, name) in (("torch", "Size"), ("builtins", "tuple")):
            return tuple
        if module == "torch.storage" or (module == "torch" and (name.endswith("Storage") or name in _PLAIN)):
            return _Inert
        raise CodeInside(
            f"{self._file} is refused: it holds program code ({module}.{name}), which loading it would run."
        )

    def persistent_load(self, pid: Any) -> Any:
        return None


_PLAIN = frozenset(
    {
        "device", "float16", "float32", "float64", "bfloat16", "half", "float", "double", "int8", "int16", "int32",
        "int64", "uint8", "bool",
    }
)  # fmt: skip
