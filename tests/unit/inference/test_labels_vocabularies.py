"""Lists of names: packaged, from files, and joined with a background."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import vocabularies
from inference.engine import Vocabulary
from inference.vocabularies import BadVocabulary, joined, packaged, parse, plain, read

COUNTS = {
    "coco133": (80, 53),
    "coco-synonyms": (80, 53),
    "ade150": (102, 48),
    "imagenet": (1000, 0),
    "everyday": (1661, 24),
}
WORDS = st.text(st.sampled_from("abcdé "), min_size=1, max_size=8).filter(lambda word: bool(word.strip()))


@pytest.mark.parametrize("name", COUNTS)
def test_packaged_lists_hold_what_they_say(name: str) -> None:
    found = packaged(name)
    things = sum(each not in found.stuff for each in found.names)
    assert (things, len(found.names) - things) == COUNTS[name]
    assert all(each == each.strip() for i in range(len(found.names)) for each in found.all_names(i))


def test_every_packaged_list_is_counted() -> None:
    assert set(vocabularies.packaged_names()) == set(COUNTS)
    with pytest.raises(BadVocabulary, match="coco133"):
        packaged("nonsense")


def test_sections_comments_and_ids() -> None:
    found = parse("cat, kitten # soft\n\n[stuff]\n3:sky,clouds\n4:invalid_class_id\ncat\n[things]\n_dog_\n", "list")
    assert found == Vocabulary(("cat", "sky", "dog"), frozenset({"sky"}), (("kitten",), ("clouds",), ()))


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_a_list_of_words_reads_as_these_words(words: list[str]) -> None:
    found = parse("\n".join(words), "list")
    assert found.names == tuple(dict.fromkeys(" ".join(word.split()) for word in words))


def test_files_that_are_no_lists_are_named(tmp_path: Path) -> None:
    empty, picture = tmp_path / "empty.txt", tmp_path / "picture.txt"
    empty.write_text("# nothing\n", encoding="utf-8")
    picture.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(BadVocabulary, match=r"empty\.txt holds no names"):
        read(empty)
    with pytest.raises(BadVocabulary, match=r"picture\.txt is not a text file"):
        read(picture)
    with pytest.raises(BadVocabulary, match=r"gone\.txt cannot be read"):
        read(tmp_path / "gone.txt")


@given(st.lists(WORDS, unique_by=plain, max_size=4), st.lists(WORDS, unique_by=plain, max_size=4))
def test_joining_keeps_the_first_and_adds_no_class_twice(first: list[str], second: list[str]) -> None:
    whole = joined(Vocabulary(tuple(first)), [Vocabulary(tuple(second)), Vocabulary(tuple(first))])
    assert whole.names[: len(first)] == tuple(first)
    said = [plain(name) for name in whole.names]
    assert len(set(said)) == len(said)
    assert set(said) == {plain(name) for name in (*first, *second)}


def test_a_synonym_is_the_same_class() -> None:
    whole = vocabularies.with_background(Vocabulary(("Sofa", "my thing")))
    assert "couch" not in whole.names
    assert {"my thing", "person", "sky"} <= set(whole.names)
    assert "sky" in whole.stuff
