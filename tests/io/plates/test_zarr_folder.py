"""Plates in OME-Zarr of three wells, two fields and two channels each."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from nucseg_tf.__main__ import main
from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.io.plates.open import open_plate

pytest.importorskip("zarr")
from nucseg_tf.io.omezarr.write_image import write_image
from nucseg_tf.io.omezarr.write_plate import create_plate, write_field

WELLS = ("C02", "B11", "B03")


@pytest.fixture(params=["0.4", "0.5"])
def plate(tmp_path, request):
    path = tmp_path / "P.zarr"
    create_plate(path, "Screen", WELLS, 2, request.param)
    for well in WELLS:
        for field in (0, 1):
            pixels = np.ones((2, 6, 8), np.uint16)
            write_field(path, well, field, pixels, ("DAPI", "GFP"), 0.5, request.param)
    return path


def test_fields_channels_and_pixel_size(plate):
    found = open_plate(plate)
    assert (found.name, found.kind, found.rows, found.columns) == ("Screen", "OME-Zarr", 8, 12)
    assert [(f.well, f.number) for f in found.fields] == [
        *(("B03", 0), ("B03", 1), ("B11", 0), ("B11", 1), ("C02", 0), ("C02", 1)),
    ]
    assert dict(found.fields[1].files) == {
        (0, "DAPI", 0): plate / "B" / "03" / "1",
        (0, "GFP", 0): plate / "B" / "03" / "1",
    }
    assert found.channels == ("DAPI", "GFP")
    assert found.pixel_size == pytest.approx(0.5)
    assert found.oddities(sizes=True) == []


def test_what_is_missing_or_odd(plate):
    shutil.rmtree(plate / "B" / "11" / "1")
    turned = np.ones((1, 8, 6), np.uint16)
    write_image(plate / "C" / "02" / "0", turned, "CYX", ["DAPI"], overwrite=True)
    lost, wells, fields, sizes = open_plate(plate).oddities(sizes=True)
    assert lost == f"{plate / 'B' / '11' / '1'}: is listed, and not there"
    assert wells == "1 well without field 1, which others have: B11"
    assert fields == "1 field without channel GFP, which others have: C02 field 0"
    assert sizes == "1 image of 8 x 6 px instead of 6 x 8: C02 field 0, 0"


def test_stacks_have_planes_from_0(plate):
    write_image(plate / "B" / "03" / "0", np.ones((2, 3, 6, 8), np.uint16), "TZYX", overwrite=True)
    planes = set(open_plate(plate).fields[0].files)
    assert planes == {(t, "0", z) for t in (0, 1) for z in (0, 1, 2)}


def test_the_command_prints_it(plate, capsys):
    assert main(["plate", str(plate), "--sizes"]) == 0
    out = capsys.readouterr().out
    assert "plate       Screen (OME-Zarr), 8 x 12 wells" in out
    assert "image       6 x 8 px\npixel size  0.5 µm" in out
    assert out.endswith("\nNothing is missing.\n")


def test_what_cannot_be_used(plate):
    with pytest.raises(UsageError, match="needs no --pattern"):
        open_plate(plate, pattern="(?P<well>.*)")
    for well in ("B/03", "B/11", "C/02"):
        for field in "01":
            shutil.rmtree(plate / well / field)
    with pytest.raises(ImageReadError, match=r"P\.zarr: none of"):
        open_plate(plate)
