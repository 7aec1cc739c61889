"""What is asked for survives the project file, and what an engine cannot do is said before anything runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.dataset.masks import Mask
from desktop.prelabel.answers import Find, Prompted, WholeImage, finds, hows, questions
from desktop.prelabel.request import PrelabelError, PrelabelRequest, Region
from inference.engine import EngineError, Vocabulary
from inference.prompts import PromptSet, Reference, Text
from inference.registry import spec
from inference.results import Candidate, Frame, Segmentation
from inference.results import Region as EngineRegion

SQUARE = Mask.from_polygons([[(1, 1), (5, 1), (5, 5), (1, 5)]], 16, 12)
WORDS = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3, unique=True).map(tuple)


@given(
    WORDS,
    st.booleans(),
    st.floats(0, 1),
    st.none() | st.lists(st.integers(1, 99)).map(tuple),
    st.dictionaries(st.text(max_size=5), st.integers() | st.booleans() | st.text(max_size=5), max_size=2),
)
def test_a_request_comes_back_from_its_text(words, annotated, least, image_ids, options) -> None:
    synonyms = tuple((word, word) for word in words)
    for what in (
        {"everything": True},
        {"texts": words},
        {"classes": Vocabulary(words, frozenset(words[:1]), synonyms)},
        {"references": (Region("a/b.png", SQUARE, words[0], 2),)},
    ):
        request = PrelabelRequest(
            "e", options=options, seed=3, least_score=least, annotated=annotated, image_ids=image_ids, **what
        )
        assert PrelabelRequest.from_json(request.to_json()) == request
        assert PrelabelRequest.from_json(request.to_json()).to_json() == request.to_json()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1}', '{"format": 9}', '{"format":1,"engine":"e","seed":"x"}']
)
def test_a_damaged_text_is_a_sentence(text: str) -> None:
    with pytest.raises(PrelabelError, match="job"):
        PrelabelRequest.from_json(text)


@pytest.mark.parametrize(
    ("engine", "what", "sentence"),
    [
        ("lite", {}, "Say what to look for"),
        ("lite", {"everything": True, "texts": ("a",)}, "one of them"),
        ("classic", {"everything": True}, "cannot run on a whole image"),
        ("classic", {"texts": ("a",)}, "does not take text"),
        ("sam", {"references": (Region("a.png", SQUARE),)}, "does not take reference regions"),
        ("sam", {"classes": Vocabulary(("a",))}, "cannot look for classes"),
        ("lite", {"everything": True, "least_score": 2.0}, "between 0 and 1"),
        ("lite", {"everything": True, "options": {"nonsense": 1}}, "no option 'nonsense'"),
    ],
)
def test_what_an_engine_cannot_do_is_said_first(engine: str, what: dict, sentence: str) -> None:
    with pytest.raises((PrelabelError, EngineError), match=sentence):
        PrelabelRequest(engine, **what).check(spec(engine))


def test_classes_are_asked_at_once_or_by_name() -> None:
    pixels = np.zeros((12, 16, 3), np.uint8)
    names = Vocabulary(("cat", "dog"))
    (whole,) = questions(PrelabelRequest("lite", classes=names), spec("lite"), lambda _: pixels)
    assert whole == WholeImage(names)
    cat, dog = questions(PrelabelRequest("refdiff", classes=names), spec("refdiff"), lambda _: pixels)
    assert (cat.label, dog.label) == ("cat", "dog")
    (shown,) = questions(
        PrelabelRequest("lite", references=(Region("a.png", SQUARE, "cat"),)), spec("lite"), lambda _: pixels
    )
    (reference,) = shown.prompts
    assert isinstance(reference, Reference)
    assert reference.name == "a.png"
    assert hows((cat, whole)) == {cat.json, ""}


def test_a_reference_of_another_size_is_refused() -> None:
    with pytest.raises(PrelabelError, match=r"a\.png has another size"):
        questions(
            PrelabelRequest("lite", references=(Region("a.png", SQUARE),)),
            spec("lite"),
            lambda _: np.zeros((9, 9, 3), np.uint8),
        )


def candidate(x0: int, x1: int, score: float) -> Candidate:
    logits = np.full((12, 16), -4, np.float32)
    logits[2:9, x0:x1] = 4
    return Candidate(logits, Frame.whole(12, 16), score, "e")


def test_two_phrases_never_name_one_region_twice() -> None:
    asked = [Prompted(PromptSet((Text(word),)), word, f'["{word}"]') for word in ("cat", "dog")]
    cats = Segmentation((candidate(0, 8, 0.6), candidate(10, 14, 0.5), candidate(3, 3, 0.9)))
    dogs = Segmentation((candidate(0, 8, 0.8), candidate(9, 10, 0.04)))
    found = finds(asked, [cats, dogs], 0.05)
    assert [(find.label, find.score, find.prompts) for find in found] == [
        ("dog", 0.8, '["dog"]'),
        ("cat", 0.5, '["cat"]'),
    ]


def test_regions_of_a_class_list_have_a_name() -> None:
    mask = np.zeros((12, 16), bool)
    mask[2:5, 2:5] = True
    regions = [EngineRegion(mask, 0.3, None), EngineRegion(mask, 0.7, "sky", False), EngineRegion(mask, 0.01, "sky")]
    assert finds([WholeImage(Vocabulary(("sky",)))], [regions], 0.05) == (
        Find(Mask.from_array(mask), "sky", 0.7, False),
    )
    assert [find.label for find in finds([WholeImage()], [regions], 0.05)] == ["sky", ""]
