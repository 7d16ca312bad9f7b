"""Folders of stacks and movies."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import tifffile

from nucseg_tf.data.simulate import (
    find_cell_lines,
    simulate_movie,
    simulate_stack,
    write_sequences,
)
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.images import read_image

LINE = find_cell_lines("U2OS")[0]
SHAPE = (64, 96)
STACK, MOVIE = "U2OS/U2OS_stack_seed0_0001", "U2OS/U2OS_movie_seed0_0001"


@pytest.mark.parametrize("kind", ["planes", "frames"])
def test_what_is_drawn_is_written_with_its_axes_and_sizes(tmp_path, kind):
    assert write_sequences(tmp_path, [LINE], 1, shape=SHAPE, **{kind: 3}) == 1
    if kind == "planes":
        (images, labels), stem, axes = simulate_stack(LINE, 1, 3, shape=SHAPE), STACK, "ZYX"
    else:
        images, labels, _ = simulate_movie(LINE, 1, 3, shape=SHAPE)
        stem, axes = MOVIE, "TYX"
    for file, drawn in ((f"{stem}.ome.tif", images), (f"{stem}_labels.tif", labels)):
        with tifffile.TiffFile(tmp_path / file) as tiff:
            assert tiff.is_ome
            assert tiff.series[0].axes == axes
            assert tiff.series[0].dtype == np.uint16
            assert np.array_equal(tiff.asarray(), drawn)
            assert ('PhysicalSizeZ="1.5"' in tiff.ome_metadata) == (kind == "planes")
    assert len(list(tmp_path.rglob("*.*"))) == (2 if kind == "planes" else 3)


def test_planes_can_be_read(tmp_path):
    write_sequences(tmp_path, [LINE], 1, planes=3, shape=SHAPE)
    image = read_image(tmp_path / f"{STACK}.ome.tif", z=1)
    assert image.pixels.shape == SHAPE
    assert image.pixel_size == pytest.approx(LINE.pixel_size)


def test_tracks_are_a_row_for_each_nucleus_and_frame(tmp_path):
    write_sequences(tmp_path, [LINE], 1, frames=3, shape=SHAPE)
    with (tmp_path / f"{MOVIE}_tracks.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    labels = tifffile.imread(tmp_path / f"{MOVIE}_labels.tif")
    assert list(rows[0]) == ["frame", "label", "track", "parent"]
    seen = {(frame, n) for frame, plane in enumerate(labels) for n in np.unique(plane) if n}
    assert {(int(row["frame"]), int(row["label"])) for row in rows} == seen


@pytest.mark.parametrize("kind", ["planes", "frames"])
def test_the_same_command_goes_on_and_others_are_refused(tmp_path, kind):
    write_sequences(tmp_path, [LINE], 1, shape=SHAPE, **{kind: 2})
    files = sorted(tmp_path.rglob("*.*"))
    before = [file.stat().st_mtime_ns for file in files]
    assert write_sequences(tmp_path, [LINE], 1, shape=SHAPE, **{kind: 2}) == 1
    assert [file.stat().st_mtime_ns for file in files] == before
    with pytest.raises(DataError, match=r"0001\.ome\.tif: is another field"):
        write_sequences(tmp_path, [LINE], 1, shape=SHAPE, **{kind: 3})
    for file in files:
        if not file.name.endswith(".ome.tif"):
            file.unlink()
    write_sequences(tmp_path, [LINE], 1, shape=SHAPE, **{kind: 2})
    assert sorted(tmp_path.rglob("*.*")) == files


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected one of --planes and --frames"),
        ({"planes": 1, "frames": 1}, "expected one of --planes and --frames"),
        ({"planes": 0}, "--planes: expected 1 or more. Received: 0"),
        ({"frames": -1}, "--frames: expected 1 or more. Received: -1"),
    ],
)
def test_slips_are_usage_errors(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        write_sequences(tmp_path / "out", [LINE], 1, shape=SHAPE, **options)
    assert not (tmp_path / "out").exists()
