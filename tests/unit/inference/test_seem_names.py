"""The names that SEEM knows when nobody gives it any."""

from __future__ import annotations

from inference import vocabularies
from inference.models.seem.templates import spoken


def test_cocos_panoptic_classes_are_said_as_seem_says_them() -> None:
    names = vocabularies.packaged("coco133")
    assert len(names.names) == 133
    assert len(names.stuff) == 53
    assert names.names[:3] == ("person", "bicycle", "car")
    assert names.names[80] == "banner"
    assert not names.stuff & set(names.names[:80])
    assert all(spoken(name) == name for name in names.names)
