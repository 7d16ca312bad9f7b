"""Fields larger than memory should hold: the limit is lowered, so that small ones serve."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import ImageReadError
from nucseg_tf.imaging import scratch as store
from nucseg_tf.imaging.scratch import is_mapped
from nucseg_tf.io.images import read_image
from nucseg_tf.io.labels import read_labels, write_labels
from nucseg_tf.io.outlines import trace
from nucseg_tf.io.writers import geojson, overlay
from nucseg_tf.io.writers.imagej import write_imagej_rois

SHAPE = (1100, 700)


@pytest.fixture
def small_memory(monkeypatch):
    monkeypatch.setattr(store, "SMALL", 1000)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 60000, SHAPE).astype(np.uint16)


@pytest.fixture
def labels():
    out = np.zeros(SHAPE, np.int32)
    for number in range(1, 61):
        y, x = 17 * number % 1080, 41 * number % 680
        out[y : y + 15, x : x + 12] = number
    return out


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"compression": "zlib"},
        {"compression": "zlib", "rowsperstrip": 100},
        {"tile": (256, 128)},
        {"tile": (256, 128), "compression": "zlib", "bigtiff": True, "byteorder": ">"},
    ],
)
def test_tiffs_are_mapped_and_equal(tmp_path, pixels, options, small_memory):
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", **options)
    found = read_image(tmp_path / "a.tif").pixels
    assert is_mapped(found)
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_stacks_and_colours_are_mapped_and_equal(tmp_path, pixels, compression, small_memory):
    stack = np.stack([pixels, pixels // 2, pixels[::-1]])
    tifffile.imwrite(
        tmp_path / "z.tif", stack, metadata={"axes": "ZYX"}, ome=True, compression=compression,
        photometric="minisblack",
    )  # fmt: skip
    for z, expected in ((1, stack[1]), ("max", stack.max(0))):
        found = read_image(tmp_path / "z.tif", z=z).pixels
        assert is_mapped(found)
        np.testing.assert_array_equal(found, expected)
    colours = np.stack([pixels, pixels // 3, pixels // 5], axis=-1)
    tifffile.imwrite(tmp_path / "c.tif", colours, photometric="rgb", compression=compression)
    np.testing.assert_array_equal(read_image(tmp_path / "c.tif", channel=1).pixels, pixels // 3)


def test_a_file_cut_short_is_refused(tmp_path, pixels, small_memory):
    for name, options in {
        "plain": {},
        "packed": {"compression": "zlib", "tile": (256, 128)},
    }.items():
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, pixels, **options)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(ImageReadError, match=name):
            read_image(path)


@pytest.mark.parametrize("most", [60, 70_000])
def test_labels_are_written_in_tiles(tmp_path, labels, most, small_memory):
    labels[labels == 60] = most
    write_labels(tmp_path / "l.tif", labels, pixel_size=0.5)
    with tifffile.TiffFile(tmp_path / "l.tif") as file:
        assert file.pages[0].is_tiled
        assert file.pages[0].dtype == (np.uint16 if most == 60 else np.uint32)
    np.testing.assert_array_equal(read_labels(tmp_path / "l.tif"), labels)
    assert read_image(tmp_path / "l.tif").pixel_size == pytest.approx(0.5)


def test_outlines_come_piece_by_piece(labels, monkeypatch, tmp_path):
    whole = dict(trace(labels))
    geojson.write_geojson(tmp_path / "whole.geojson", labels, {"score": np.ones(60)})
    monkeypatch.setattr("nucseg_tf.imaging.pieces.pieces.__defaults__", (0, 128))
    parts = dict(trace(labels))
    assert parts.keys() == whole.keys()
    for number, rings in whole.items():
        for mine, other in zip(rings, parts[number], strict=True):
            np.testing.assert_array_equal(mine, other)
    geojson.write_geojson(tmp_path / "parts.geojson", labels, {"score": np.ones(60)})
    files = [json.loads((tmp_path / f"{x}.geojson").read_text()) for x in ("whole", "parts")]
    one, other = (
        sorted(file["features"], key=lambda f: int(f["properties"]["name"])) for file in files
    )
    assert one == other
    write_imagej_rois(tmp_path / "r.zip", labels)


def test_a_very_large_overlay_is_reduced(tmp_path, pixels, labels, monkeypatch):
    import cv2

    monkeypatch.setattr(overlay, "LARGEST", 300)
    monkeypatch.setattr(overlay, "SIDE", 130)
    overlay.write_overlay(tmp_path / "o.png", pixels, labels)
    assert cv2.imread(str(tmp_path / "o.png")).shape == (275, 175, 3)
    np.testing.assert_array_equal(overlay._every(pixels, 4), pixels[::4, ::4])
    np.testing.assert_array_equal(overlay._every(labels, 7), labels[::7, ::7])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_the_only_colour_with_content_is_mapped_beside_alpha(
    tmp_path, pixels, compression, small_memory
):
    none = np.zeros_like(pixels)
    colours = np.stack([none, pixels, none, pixels // 2], axis=-1)
    tifffile.imwrite(
        tmp_path / "c.tif", colours, photometric="rgb", extrasamples=["unassalpha"],
        compression=compression,
    )  # fmt: skip
    found = read_image(tmp_path / "c.tif").pixels
    assert is_mapped(found)
    np.testing.assert_array_equal(found, pixels)
