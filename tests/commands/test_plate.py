from __future__ import annotations

import numpy as np
import pytest
import tifffile

from nucseg_tf.__main__ import main

WHOLE = """\
     1   2   3
A    .   1   .
B    2   .   .

plate       P (CellVoyager), 2 x 3 wells
wells       2 with 3 fields
channels    C01
            C02, planes 1-2
times       one
image       4 x 6 px
pixel size  0.5 µm
"""


@pytest.fixture
def plate(tmp_path):
    """B01 has two fields, A02 one; the second channel is a stack."""
    for well, field in (("B01", 1), ("B01", 2), ("A02", 1)):
        for channel, z in ((1, 1), (2, 1), (2, 2)):
            tifffile.imwrite(
                tmp_path / f"P_{well}_T0001F{field:03d}L01A01Z{z:02d}C{channel:02d}.tif",
                np.zeros((4, 6), np.uint16),
                resolution=(2e4, 2e4),
                resolutionunit=3,
            )
    return tmp_path


def test_it_prints_a_map_and_what_is_missing(plate, capsys):
    assert main(["plate", str(plate)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(WHOLE)
    assert out.endswith("Missing or odd:\n- 1 well without field 2, which others have: A02\n")


def test_nothing_is_missing(plate, capsys):
    (plate / "P_B01_T0001F002L01A01Z01C01.tif").unlink()
    for z in (1, 2):
        (plate / f"P_B01_T0001F002L01A01Z{z:02d}C02.tif").unlink()
    assert main(["plate", str(plate), "--sizes"]) == 0
    assert capsys.readouterr().out.endswith("\nNothing is missing.\n")


def test_the_plate_is_described_although_its_first_image_is_damaged(plate, capsys):
    (plate / "P_A02_T0001F001L01A01Z01C01.tif").write_bytes(b"II*")
    assert main(["plate", str(plate)]) == 0
    out = capsys.readouterr().out
    assert "image       unknown: " in out
    assert "C01.tif: cannot be read" in out
    assert "- 1 well without field 2" in out


def test_an_own_pattern(plate, capsys):
    pattern = r"P_(?P<well>B\d\d)_T\d+F(?P<field>\d+).*Z01(?P<channel>C\d\d)\.tif"
    assert main(["plate", str(plate), "--pattern", pattern]) == 0
    out = capsys.readouterr().out
    assert "1 with 2 fields" in out
    assert "- 5 images of no field: P_A02" in out


@pytest.mark.parametrize("code", [1, 2])
def test_what_cannot_be_used_has_its_exit_code(plate, code, capsys):
    if code == 1:
        copy = plate / "copy" / "P_B01_T0001F001L01A01Z01C01.tif"
        copy.parent.mkdir()
        copy.touch()
        assert main(["plate", str(plate)]) == 1
        assert "both are well B01, field 1" in capsys.readouterr().err
    else:
        assert main(["plate", str(plate), "--pattern", "x"]) == 2
        assert "does not say which well" in capsys.readouterr().err
