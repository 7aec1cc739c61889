"""The image loader: every kind of file of ux.md §15, oriented once, with sentences for the rest."""

from __future__ import annotations

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import tifffile

from desktop.dataset.images import ImageReadError, decode_scaled, load, oriented, probe, scan_folder
from desktop.dataset.pyramid import level_for, pyramid

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (20, 30, 3), dtype=np.uint16)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["ä b.png", "a.tif", "lzw.tif"])
def test_orientation_is_applied_once(tmp_path, orientation, name):
    exif = PIL.Image.Exif()
    exif[274] = orientation
    path = tmp_path / name
    PIL.Image.fromarray(RGB).save(path, exif=exif, **({"compression": "tiff_lzw"} if name == "lzw.tif" else {}))
    image = load(path)
    expected = np.asarray(PIL.ImageOps.exif_transpose(_with(exif)))
    assert (image.pixels == expected).all()
    assert image.orientation == orientation
    assert (probe(path).width, probe(path).height) == (image.width, image.height)
    preview = decode_scaled(path, 10)
    assert (preview.width, preview.height, max(preview.pixels.shape)) == (image.width, image.height, 10)


def _with(exif):
    picture = PIL.Image.fromarray(RGB)
    picture.getexif()[274] = exif[274]
    return picture


def test_deep_images_keep_their_values(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", DEEP, photometric="rgb")
    tifffile.imwrite(tmp_path / "s.tif", np.moveaxis(DEEP, -1, 0), photometric="rgb", planarconfig="separate")
    for name in ("a.tif", "s.tif"):
        image = load(tmp_path / name)
        assert (image.values == DEEP).all()
        assert image.value_at(3.2, 4.9) == tuple(DEEP[4, 3].tolist())
        assert image.value_at(-0.1, 0) == ()
        assert image.pixels.dtype == np.uint8


def test_float_window_ignores_what_is_not_finite(tmp_path):
    values = np.linspace(-5, 5, 10_000, dtype=np.float32).reshape(100, 100)
    values[0, :3] = np.nan, np.inf, -np.inf
    tifffile.imwrite(tmp_path / "f.tif", values)
    image = load(tmp_path / "f.tif")
    assert image.window == pytest.approx((-4.9, 4.9), abs=0.02)
    assert image.pixels[0, :3, 0].tolist() == [0, 255, 0]
    assert image.pixels[50, 0, 0] == pytest.approx(127, abs=2)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I", "F", "I;16"])
def test_colour_models(tmp_path, mode):
    picture = PIL.Image.fromarray(RGB).convert("L" if mode in ("I", "F", "I;16") else "RGB").convert(mode)
    path = tmp_path / ("a.png" if mode not in ("CMYK", "F") else "a.tif")
    picture.save(path)
    image = load(path)
    assert image.pixels.shape == (20, 30, 3)
    if mode in ("1", "L", "P"):
        assert (image.pixels == np.asarray(picture.convert("RGB"))).all()


def test_pages_are_images(tmp_path):
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, np.stack([RGB[..., 0], RGB[..., 1]]), photometric="minisblack")
    assert probe(path).pages == 2
    assert (load(path, 1).values == RGB[..., 1]).all()
    assert load(path, 0).content_hash != load(path, 1).content_hash
    with pytest.raises(ImageReadError, match=r"m\.tif: there is no page 3\."):
        load(path, 2)


def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((9, 8, 5)), photometric="minisblack", planarconfig="contig")
    PIL.Image.fromarray(np.tile(RGB, (9, 9, 1))).save(tmp_path / "t.jpg")
    data = (tmp_path / "t.jpg").read_bytes()
    (tmp_path / "t.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "n.png").write_bytes(b"no")
    (tmp_path / "full.jpg").write_bytes(data)
    expected = {
        "b.tif": "b.tif: 5-band 64-bit float TIFF is not supported.",
        "t.jpg": "t.jpg: the file is truncated.",
        "n.png": "n.png: the file is not an image that can be read.",
    }
    for name, sentence in expected.items():
        with pytest.raises(ImageReadError) as caught:
            load(tmp_path / name)
        assert str(caught.value) == sentence
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 20)
    for name in ("full.jpg",):
        with pytest.raises(ImageReadError, match="too many pixels"):
            load(tmp_path / name)


def test_folder_is_scanned_in_natural_order(tmp_path):
    for name in ("b10.JPG", "b2.png", "notes.txt", ".hidden.png", "sub/c.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in scan_folder(tmp_path)] == ["b2.png", "b10.JPG", "c.webp"]
    assert [path.name for path in scan_folder(tmp_path, recursive=False)] == ["b2.png", "b10.JPG"]
    with pytest.raises(ImageReadError, match="cannot be read"):
        scan_folder(tmp_path / "none")


def test_pyramid_halves_down_to_its_smallest():
    levels = pyramid(np.full((1001, 2001, 3), 7, np.uint8), 300)
    assert [level.shape[:2] for level in levels] == [(1001, 2001), (501, 1001), (251, 501), (126, 251)]
    assert [level_for(scale, 4) for scale in (2, 1, 0.6, 0.5, 0.25, 0.01)] == [0, 0, 0, 1, 2, 3]
    assert (levels[-1] == 7).all()
    assert oriented(RGB, 6).shape == (30, 20, 3)
