"""Leaves CUDA out of a Linux bundle whose torch is the CUDA build, as the registry's wheel for x86-64 is.

Such a torch names the CUDA libraries as needed, 3.5 GB of them, though it computes on the CPU without ever entering
one. Here small libraries of the same names are compiled that hold only what the loader asks for: each function says
"no device" (the C interfaces of CUDA) or ends the program with its own name (everything else, which nothing reaches
where there is no device). A torch that was built without CUDA needs none of this and is left as it is.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CUDA_PARTS = re.compile(r"lib(torch_cuda|torch_cuda_linalg|torch_nvshmem)\.so$")
"""Libraries of torch itself that are left out, too."""

OPTIONAL_PARTS = re.compile(r"libtorch_(cuda_linalg|nvshmem)\.so$")
"""Those among them that only other left-out libraries need."""

NO_DEVICE = 100
"""cudaErrorNoDevice. The other C interfaces take every value but 0 as a failure."""

ASKED_ON_LOADING = frozenset({"_ZN4c10d15get_gil_checkerEv"})
"""Functions that return a reference to a variable, which the Python half of torch sets while it is loaded."""

SOURCE_HEAD = """
#include <stdio.h>
#include <stdlib.h>
extern char _ZTVN10__cxxabiv117__class_type_infoE[];
struct type_info { void *methods; const char *name; };
static void end(const char *name) {
    fprintf(stderr, "%s: this build of Maskwright computes on the CPU only.\\n", name);
    abort();
}
"""


class CannotBuild(Exception):
    """The placeholders could not be compiled; the text says why."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A dynamic symbol: its name, ``nm``'s letter for its kind, and the version that is asked for ("" for none)."""

    name: str
    kind: str
    version: str


def needed_libraries(library: Path) -> list[str]:
    """The names that a shared library asks the loader for."""
    text = _output("objdump", "-p", str(library))
    return re.findall(r"^\s*NEEDED\s+(\S+)", text, re.MULTILINE)


def symbols(library: Path, *, defined: bool) -> list[Symbol]:
    """The dynamic symbols that a library defines, or those that it wants from others."""
    found = []
    for line in _output("nm", "-D", "--defined-only" if defined else "--undefined-only", str(library)).splitlines():
        *_, kind, full = line.split()
        name, _, version = full.partition("@")
        found.append(Symbol(name, kind, version.lstrip("@")))
    return found


def is_cuda_build(torch_libraries: Path) -> bool:
    """Whether this torch comes with a CUDA half."""
    return (torch_libraries / "libtorch_cuda.so").exists()


def left_out(name: str, nvidia_names: Iterable[str]) -> bool:
    """Whether a library (by its file name) stays out of a CPU bundle."""
    return bool(CUDA_PARTS.match(name)) or name in set(nvidia_names)


def build(torch_libraries: Path, nvidia: Path, out: Path) -> list[Path]:
    """Compile the placeholders for the libraries of a CUDA build of torch into ``out``; returns the files.

    ``nvidia`` is the folder of the CUDA wheels. Raises :class:`CannotBuild` without a compiler, or when a kept library
    wants something whose nature is not known.
    """
    theirs = {path.name: path for path in nvidia.rglob("*.so*") if path.is_file()}
    kept = [path for path in sorted(torch_libraries.glob("*.so*")) if not left_out(path.name, theirs)]
    kept_definitions = {symbol.name for path in kept for symbol in symbols(path, defined=True)}
    wanted: dict[str, list[Symbol]] = {}
    for path in kept:
        for name in needed_libraries(path):
            if left_out(name, theirs):
                wanted.setdefault(name, [])
    kinds = {name: _kinds(name, torch_libraries, theirs) for name in wanted}
    rest: list[Symbol] = []
    for symbol in {s.name: s for path in kept for s in symbols(path, defined=False)}.values():
        if symbol.name in kept_definitions or symbol.kind in "wv":
            continue
        owners = [name for name, defined in kinds.items() if symbol.name in defined]
        if symbol.version in wanted:
            owners = [symbol.version]
        if owners:
            kind = kinds[owners[0]].get(symbol.name, "T")
            wanted[owners[0]].append(Symbol(symbol.name, kind, symbol.version))
        elif symbol.name.startswith(("_ZN", "_ZTI", "_ZTV")) and not symbol.version:
            rest.append(symbol)
    _give_away(rest, torch_libraries, wanted)
    out.mkdir(parents=True, exist_ok=True)
    return [_compile(name, asked, out) for name, asked in sorted(wanted.items())]


def _kinds(name: str, torch_libraries: Path, theirs: dict[str, Path]) -> dict[str, str]:
    path = torch_libraries / name
    path = path if path.exists() else theirs[name]
    return {symbol.name: symbol.kind for symbol in symbols(path, defined=True)}


def _give_away(rest: list[Symbol], torch_libraries: Path, wanted: dict[str, list[Symbol]]) -> None:
    """What only the optional parts define goes into the placeholder of the CUDA half: symbols are global."""
    for path in sorted(torch_libraries.glob("*.so*")):
        if OPTIONAL_PARTS.match(path.name):
            kinds = {symbol.name: symbol.kind for symbol in symbols(path, defined=True)}
            for symbol in rest:
                if symbol.name in kinds:
                    wanted["libtorch_cuda.so"].append(Symbol(symbol.name, kinds[symbol.name], ""))


def _compile(name: str, asked: list[Symbol], out: Path) -> Path:
    source, versions, library = out / f"{name}.c", out / f"{name}.map", out / name
    source.write_text(SOURCE_HEAD + "".join(_definition(symbol) for symbol in asked), encoding="utf-8")
    names = sorted({symbol.version for symbol in asked if symbol.version})
    command = ["cc", "-shared", "-fPIC", "-O1", "-w", f"-Wl,-soname,{name}", "-o", str(library), str(source)]
    if names:
        versions.write_text("".join(_version_node(node, asked) for node in names), encoding="utf-8")
        command.append(f"-Wl,--version-script={versions}")
    try:
        subprocess.run(
            [*command, "-Wl,--no-as-needed", "-l:libstdc++.so.6"], check=True, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise CannotBuild("A C compiler (cc) is needed to leave CUDA out of the bundle.") from None
    except subprocess.CalledProcessError as error:
        raise CannotBuild(f"The placeholder of {name} could not be compiled: {error.stderr.strip()}") from error
    source.unlink()
    versions.unlink(missing_ok=True)
    return library


def _version_node(node: str, asked: list[Symbol]) -> str:
    members = " ".join(f"{symbol.name};" for symbol in asked if symbol.version == node)
    return f"{node} {{ global: {members} }};\n"


def _definition(symbol: Symbol) -> str:
    """C that defines the symbol: type descriptions must be valid, since they are compared by their names."""
    name = symbol.name
    if name.startswith("_ZTI"):
        return f'struct type_info {name} = {{ &_ZTVN10__cxxabiv117__class_type_infoE[16], "{name[4:]}" }};\n'
    if name.startswith("_ZTV") or symbol.kind in "BDRVu":
        return f"void *{name}[64];\n"
    if name in ASKED_ON_LOADING:
        return f"void *{name}(void) {{ static void *variable[8]; return variable; }}\n"
    if name.startswith("_Z"):
        return f'void {name}(void) {{ end("{name}"); }}\n'
    if name.endswith(("GetErrorString", "GetErrorName")):
        return f'const char *{name}(int code) {{ return "no CUDA device"; }}\n'
    return f"int {name}(void) {{ return {NO_DEVICE}; }}\n"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise CannotBuild(f"{command[0]} (binutils) is needed to leave CUDA out of the bundle.") from None
