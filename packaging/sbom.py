"""The software bill of materials: every distribution that a build contains, with version and licence (CycloneDX 1.6).

    python packaging/sbom.py > maskwright.cdx.json

That lists what the wheel brings along; the spec of the frozen program calls :func:`document` with what it took, down to
Python itself and the libraries of the system. The bill is read from the environment it is made in, anew with every
release, so it cannot age.
"""

from __future__ import annotations

import json
import platform
import sys
import urllib.parse
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LONGEST_NAME = 80
"""A licence field that is longer than that is the text of the licence, whose first line names it."""


def closure(name: str, *extras: str) -> list[Distribution]:
    """The distributions that come with one: its dependencies and theirs, with the extras they ask for, by name.

    ``extras`` are those of the one itself that are asked for, too.
    """
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(name), extra) for extra in ("", *extras)]
    while waiting:
        current, extra = waiting.pop()
        if (current, extra) in seen:
            continue
        seen.add((current, extra))
        try:
            found[current] = distribution(current)
        except PackageNotFoundError:
            continue  # for another system
        for text in found[current].requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(requirement.name), each) for each in ("", *requirement.extras)]
    return [found[key] for key in sorted(found) if key != canonicalize_name(name)]


def of_modules(modules: Iterable[str]) -> list[Distribution]:
    """The distributions that import packages (by their top-level names) belong to, by name."""
    owners = packages_distributions()
    names = {canonicalize_name(owner) for module in modules for owner in owners.get(module, ())}
    return [distribution(name) for name in sorted(names - {"maskwright"})]


def strangers(known: Iterable[Distribution]) -> list[str]:
    """The import packages (by their top-level names) of everything installed that none of these distributions owns.

    A tool that happens to be in the environment of a build must not get into the build because some library would use
    it if it were there.
    """
    names = {"maskwright"} | {canonicalize_name(each.name) for each in known}
    return sorted(
        module
        for module, owners in packages_distributions().items()
        if module.isidentifier() and names.isdisjoint(map(canonicalize_name, owners))
    )


def licence(found: Distribution) -> str:
    """An SPDX expression where the distribution has one, else the licence by name; "" when it does not say."""
    data = found.metadata
    if data.get("License-Expression"):
        return data["License-Expression"]
    stated = (data.get("License") or "").strip()
    first = stated.splitlines()[0].strip() if stated else ""
    named = [
        entry.rpartition(" :: ")[2] for entry in data.get_all("Classifier") or () if entry.startswith("License ::")
    ]
    if named and (not first or len(first) > LONGEST_NAME or "\n" in stated):
        return " AND ".join(named)
    return first[:LONGEST_NAME]


def document(found: Iterable[Distribution], version: str, others: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    """The bill of materials of one build of Maskwright. It has no date, so the same build has the same bill.

    ``others`` are components that are no distributions of Python (:func:`python_itself`, :func:`of_the_system`).
    """
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"pkg:pypi/maskwright@{version}",
                "name": "maskwright",
                "version": version,
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": [*(_component(each) for each in found), *others],
    }


def python_itself() -> dict[str, Any]:
    """The component for the interpreter that a frozen program carries."""
    version = platform.python_version()
    reference = f"pkg:generic/python@{version}"
    return {
        "type": "platform", "bom-ref": reference, "name": "python", "version": version, "purl": reference,
        "licenses": [{"expression": "PSF-2.0"}],
    }  # fmt: skip


def of_the_system(name: str, version: str, architecture: str) -> dict[str, Any]:
    """The component for a Debian package of whose libraries a frozen program carries some.

    Debian states licences as texts only; they lie in the folder ``licences`` beside the bill.
    """
    distribution_id = platform.freedesktop_os_release()["ID"]
    escaped = urllib.parse.quote(version, safe="")
    reference = f"pkg:deb/{distribution_id}/{name}@{escaped}?arch={architecture}"
    return {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}


def _component(found: Distribution) -> dict[str, Any]:
    name = canonicalize_name(found.name)
    reference = f"pkg:pypi/{name}@{found.version}"
    row: dict[str, Any] = {
        "type": "library", "bom-ref": reference, "name": name, "version": found.version, "purl": reference,
    }  # fmt: skip
    stated = licence(found)
    if stated:
        is_expression = bool(found.metadata.get("License-Expression"))
        row["licenses"] = [{"expression": stated} if is_expression else {"license": {"name": stated}}]
    return row


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from inference import __version__

    json.dump(document(closure("maskwright"), __version__), sys.stdout, indent=1)
