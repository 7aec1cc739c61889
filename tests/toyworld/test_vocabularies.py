"""TCL and ODISE name what is there on unseen scenes: a few scenes of what docs/toyworld.md reports."""

from __future__ import annotations

from safetensors import safe_open

from tests.toyworld import models, panoptic, tcl_head, text_lists


def test_the_toy_tcl_file_holds_what_the_released_one_does() -> None:
    with safe_open(models.WEIGHTS / tcl_head.FILE, "pt") as file:
        assert all(name.startswith(("masker.", "tcli_loss.", "tclf_loss.")) for name in file.keys())  # noqa: SIM118


def test_tcl_finds_what_texts_name() -> None:
    report = text_lists.evaluate(models.WEIGHTS, 8, lists=[text_lists.COLOURED])
    others = [values["miou"] for name, values in report.items() if name.startswith("8 colours") and ": tcl" not in name]
    assert report["8 colours: tcl"]["miou"] >= max(0.6, max(others) + 0.3)
    assert report["8 colours: tcl"]["miou"] > report["8 colours: tcl, not refined"]["miou"]
    assert report["what is there: tcl"]["miou"] >= 0.5


def test_odise_finds_things_and_background() -> None:
    report = panoptic.evaluate(models.WEIGHTS, 6)
    assert report["odise"]["pq"] >= max(0.45, report["regions of even colour, random names"]["pq"] + 0.3)
    assert report["odise"]["pq_background"] >= 0.7
    assert report["odise"]["pq"] > report["whole image as background"]["pq"]
