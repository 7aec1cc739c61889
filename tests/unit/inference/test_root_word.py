"""Root words and directions of referring expressions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.evaluation import rootwords
from inference.models.refdiff.root_word import directions, root_word
from tests.command_line import run

LIST = Path(__file__).parents[2] / "data" / "rootwords" / "root_words.json"
OWN = {
    "bus 38": "bus",
    "anything edible": "anything",
    "phone she is holding": "phone",
    "half eaten sandwich": "sandwich",
    "woman black shirt": "woman",
    "snow covered mountain": "mountain",
    "the puppy sitting on the couch": "puppy",
    "peeled orange on the left": "orange",
    "he's wearing a hat": "he",
    "there's a red car": "car",
    "player number 23": "player",
    "red parking meter": "meter",
    "on the left is a cow": "cow",
    "rolled up towel": "towel",
    "people sit on the bench": "people",
    "traffic light closest to us": "light",
    "find the red cup": "cup",
}


def test_list_of_the_specification() -> None:
    figures = rootwords.evaluate(rootwords.read_list(LIST))
    assert figures["n"] == 44
    assert figures["correct"] >= 43, figures["wrong"]


def test_directions_of_the_specification() -> None:
    for item in json.loads(LIST.read_text(encoding="utf-8"))["items"]:
        assert list(directions(item["text"])) == item["directions"], item["text"]


@pytest.mark.parametrize(("text", "root"), OWN.items())
def test_own_expressions(text: str, root: str) -> None:
    assert root_word(text).word == root


def test_right_as_immediately_is_no_direction() -> None:
    assert directions("dog right next to the man") == ()
    assert directions("upright leftover box in bright light") == ()
    assert directions("Leftmost cup, upper shelf") == ("left", "top")


@given(st.text(max_size=60))
def test_place_points_at_the_word(text: str) -> None:
    found = root_word(text)
    assert text[found.start : found.end] == found.word


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listing = tmp_path / "list.json"
    items = [{"text": "red cup", "root": "cup"}, {"text": "girl's hand", "root": "arm", "also_ok": ["x"]}]
    listing.write_text(json.dumps({"items": items}), encoding="utf-8")
    assert run(["evaluate", "rootwords", "--list", str(listing), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["correct"], answer["n"]) == (1, 2)
    assert answer["wrong"] == [{"text": "girl's hand", "root": "arm", "found": "hand"}]


@pytest.mark.parametrize("content", ["no json", '{"a": 1}', '{"items": [{"text": "x"}]}'])
def test_bad_list(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    listing = tmp_path / "list.json"
    listing.write_text(content, encoding="utf-8")
    assert run(["evaluate", "rootwords", "--list", str(listing)]) == 2
    assert "list.json" in capsys.readouterr().err.replace("\n", "")
