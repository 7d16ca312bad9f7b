from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from nucseg_tf.io.plates.headers import read_header
from nucseg_tf.io.plates.plate import Plate, PlateField, ranges


def plate_of(planes: dict[tuple[str, int], list[tuple[int, str, int]]], **about) -> Plate:
    """A plate with these planes of these fields, in files that do not exist."""
    fields = tuple(
        PlateField(well, number, {plane: Path(f"{well}-{number}-{plane}.tif") for plane in files})
        for (well, number), files in planes.items()
    )
    channels = tuple(sorted({c for files in planes.values() for _, c, _ in files}))
    return Plate("P", "kind", 8, 12, fields, channels, **about)


def test_a_whole_plate_has_nothing_odd():
    """The second channel has no stack, which is usual."""
    files = [(1, "a", 1), (1, "a", 2), (1, "b", 1)]
    assert plate_of({("B03", 1): files, ("C04", 1): files}).oddities() == []


def test_wells_that_lack_the_same_fields_are_named_together():
    one = [(1, "a", 1)]
    fields = {(well, n): one for well in ("A01", "A02", "B01", "B02") for n in (1, 2, 3, 5)}
    for lost in (("A02", 2), ("A02", 3), ("B02", 2), ("B02", 3), ("B01", 5)):
        del fields[lost]
    assert plate_of(fields).oddities() == [
        "2 wells without fields 2-3, which others have: A02, B02",
        "1 well without field 5, which others have: B01",
    ]


def test_missing_channels_planes_and_times():
    whole = [(t, c, z) for t in (1, 2) for c in "ab" for z in (1, 2, 3)]
    lacks = {
        ("B01", 1): [plane for plane in whole if plane[1] != "b"],
        ("B02", 1): [plane for plane in whole if plane != (2, "a", 3)],
        ("B03", 1): whole,
        ("B04", 1): [plane for plane in whole if plane[2] == 2],
    }
    assert plate_of(lacks).oddities() == [
        "1 field without channel b, which others have: B01 field 1",
        "1 field without 1 of 6 images of channel a, time 2, plane 3, which others have: "
        "B02 field 1",
        "1 field without 4 of 6 images of channel a, time 1-2, plane 1, 3, which others have: "
        "B04 field 1",
        "1 field without 4 of 6 images of channel b, time 1-2, plane 1, 3, which others have: "
        "B04 field 1",
    ]


def test_long_lists_are_counted():
    unmatched = tuple(f"x{number}.tif" for number in range(1200))
    texts = plate_of({("A01", 1): [(1, "a", 1)]}, unmatched=unmatched, troubles=("bad",)).oddities()
    assert texts == [
        "bad",
        "1,200 images of no field: x0.tif, x1.tif, x2.tif, x3.tif, x4.tif, and 1,195 more",
    ]


def test_sizes_are_compared_by_headers(tmp_path):
    """Of four images one is turned and one is damaged."""
    files = {}
    for number, shape in enumerate([(6, 8), (8, 6), (6, 8), None], start=1):
        path = tmp_path / f"{number}.tif"
        if shape:
            tifffile.imwrite(path, np.zeros(shape, np.uint16))
        else:
            path.write_bytes(b"II*\0")
        files[1, "a", number] = path
    plate = Plate("P", "kind", 2, 3, (PlateField("A01", 1, files),), ("a",))
    assert plate.oddities() == []
    damaged, other = plate.oddities(sizes=True)
    assert "4.tif: cannot be read" in damaged
    assert other == "1 image of 8 x 6 px instead of 6 x 8: A01 field 1, 2.tif"


def test_headers_are_height_and_width(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((5, 9), np.uint8), resolution=(2e4,) * 2, resolutionunit=3
    )
    header = read_header(tmp_path / "a.tif")
    assert (header.shape, header.pixel_size) == ((5, 9), pytest.approx(0.5))
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 7, 3), np.uint8))
    assert read_header(tmp_path / "a.png").shape == (4, 7)


def test_ranges():
    assert ranges([]) == ""
    assert ranges([3, 1, 2, 2, 7]) == "1-3, 7"
