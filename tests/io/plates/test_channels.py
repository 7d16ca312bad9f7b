"""Which channels are refused before a run over plates begins."""

import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import ChoiceError
from nucseg_tf.io.choices import parse
from nucseg_tf.io.omezarr.write_plate import create_plate, write_field
from nucseg_tf.io.plates.channels import pattern_hint, refuse_unknown_channel
from nucseg_tf.io.plates.sources import find_sources, plate_sources

PIXELS = np.arange(48, dtype=np.uint16).reshape(6, 8)


@pytest.fixture
def fields(tmp_path):
    """A plate of two fields, of two channels without names."""
    for field in (1, 2):
        for channel in (1, 2):
            name = f"P_B03_T0001F{field:03d}L01A01Z01C{channel:02d}.tif"
            tifffile.imwrite(tmp_path / name, PIXELS)
    return plate_sources(tmp_path)


@pytest.mark.parametrize("channel", [None, "max", 1, "1", "C02", "c02"])
def test_what_a_field_has(fields, channel):
    refuse_unknown_channel(fields, parse(channel))


@pytest.mark.parametrize("channel", [2, "C03", "DAPI"])
def test_what_none_has_is_said_once(fields, channel):
    with pytest.raises(ChoiceError, match=r"has 0\.\.1 \(C01, C02\)"):
        refuse_unknown_channel(fields, parse(channel))


def test_the_first_field_may_be_damaged(fields):
    fields[0].path.write_bytes(b"II")
    refuse_unknown_channel(fields, parse("C02"))
    with pytest.raises(ChoiceError, match="F002"):
        refuse_unknown_channel(fields, parse("C03"))


def test_among_other_images_it_is_told_in_their_turn(fields):
    others = find_sources([fields[0].path])
    refuse_unknown_channel([*fields, *others], parse("DAPI"))


def test_one_field_of_zarr_that_has_it_is_enough(tmp_path):
    create_plate(tmp_path / "P.zarr", "P", ["B03"], 2)
    for number, names in enumerate((["DAPI", "GFP"], ["DAPI", "RFP"])):
        both = np.stack([PIXELS, PIXELS])
        write_field(tmp_path / "P.zarr", "B03", number, both, names, 0.5)
    sources = plate_sources(tmp_path / "P.zarr")
    refuse_unknown_channel(sources, parse("RFP"))
    with pytest.raises(ChoiceError, match="All 2 images are like that"):
        refuse_unknown_channel(sources, parse("YFP"))


def test_a_hint_is_for_files_of_a_plate_alone(fields, tmp_path):
    files = find_sources([tmp_path])
    assert "--pattern auto" in pattern_hint(files)
    (tmp_path / "own").mkdir()
    tifffile.imwrite(tmp_path / "own" / "a.tif", PIXELS)
    for others in (find_sources([tmp_path / "own"]), fields, []):
        assert pattern_hint(others) == ""
