"""What an engine does not take, as a sentence that names engines which would (ux.md §2.1, §13). Qt only for words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QCoreApplication

from desktop.workspace.values import EngineStatus
from inference.engine import EngineSpec
from inference.prompts import PromptKind


def _tr(text: str) -> str:
    return QCoreApplication.translate("UnusedPrompts", text)


def _plural(kind: PromptKind) -> str:
    return {
        PromptKind.POINT: _tr("points"),
        PromptKind.BOX: _tr("boxes"),
        PromptKind.SCRIBBLE: _tr("scribbles"),
        PromptKind.POLYGON: _tr("polygons"),
        PromptKind.MASK: _tr("masks"),
        PromptKind.TEXT: _tr("text"),
        PromptKind.REFERENCE: _tr("references"),
    }[kind]


def _listed(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return _tr("{some} and {last}").format(some=", ".join(words[:-1]), last=words[-1])


def unused_sentence(kind: PromptKind, spec: EngineSpec, engines: Iterable[EngineStatus]) -> str:
    """Why prompts of ``kind`` count for nothing with ``spec`` and which engines take them; empty when it does."""
    if kind in spec.prompts:
        return ""
    taken = _listed([_plural(k) for k in PromptKind if k in spec.prompts])
    ignored = _tr("{engine} uses {taken}; {ignored} is ignored.")
    if kind not in (PromptKind.TEXT, PromptKind.MASK):
        ignored = _tr("{engine} uses {taken}; {ignored} are ignored.")
    first = ignored.format(engine=spec.title, taken=taken, ignored=_plural(kind))
    takers = [e for e in engines if kind in e.spec.prompts]
    ready = [e.spec.title for e in takers if e.usable]
    missing = [e.spec.title for e in takers if not e.usable]
    if ready:
        second = _tr("{what} would work with {engines}.").format(
            what=_plural(kind).capitalize(), engines=_listed(ready)
        )
    elif missing:
        second = _tr("{what} would work with {engines}, which cannot be used yet.").format(
            what=_plural(kind).capitalize(), engines=_listed(missing)
        )
    else:
        second = _tr("No engine that takes {what} is known.").format(what=_plural(kind))
    return f"{first} {second}"
