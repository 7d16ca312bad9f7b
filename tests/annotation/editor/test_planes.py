"""Which channel, plane and time of its images a project is about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.annotation.editor.planes import (
    PlaneChoice,
    offer,
    read_choice,
    read_plane,
    write_choice,
)
from nucseg_tf.errors import DataError, PlaneChoiceError, UsageError


@pytest.fixture
def stack(tmp_path) -> Path:
    """Two times, three planes, channels DAPI and GFP, of 4 x 5 px; a pixel says where it is."""
    t, z, c = np.mgrid[:2, :3, :2]
    values = (100 * t + 10 * z + c).astype(np.uint16)
    data = values[..., None, None] + np.zeros((4, 5), np.uint16)
    data[..., 0, 0] += 1000
    metadata = {"axes": "TZCYX", "Channel": {"Name": ["DAPI", "GFP"]}}
    path = tmp_path / "stack.ome.tif"
    tifffile.imwrite(path, data, ome=True, metadata=metadata)
    return path


def test_what_is_offered(stack, tmp_path):
    found = offer(stack, PlaneChoice("GFP"))
    assert found["offered"]["channel"] == [
        ("DAPI", "DAPI"),
        ("GFP", "GFP"),
        ("max", "brightest of all"),
    ]
    assert [value for value, _ in found["offered"]["z"]] == ["focus", "max", "mean", "0", "1", "2"]
    assert found["offered"]["t"] == [("0", "1 of 2"), ("1", "2 of 2")]
    assert found["chosen"] == {"channel": "GFP", "z": None, "t": None, "invert": False}
    tifffile.imwrite(tmp_path / "plain.tif", np.zeros((4, 5), np.uint8))
    assert offer(tmp_path / "plain.tif", PlaneChoice())["offered"] == {}


@pytest.mark.parametrize(
    ("choice", "value"),
    [
        (PlaneChoice("GFP", "2", "1"), 121),
        (PlaneChoice("0", "0", "0"), 0),
        (PlaneChoice("DAPI", "max", "1"), 120),
        (PlaneChoice("max", "1", "0"), 11),
    ],
)
def test_the_plane_that_is_meant(stack, choice, value):
    assert read_plane(stack, choice).pixels[1, 1] == value


@pytest.mark.parametrize(
    "choice",
    [
        PlaneChoice(),
        PlaneChoice("GFP", "0"),
        PlaneChoice("X", "0", "0"),
        PlaneChoice("0", "9", "0"),
    ],
)
def test_a_choice_that_is_missing_or_out_of_range(stack, choice):
    with pytest.raises(PlaneChoiceError):
        read_plane(stack, choice)


def test_single_planes_may_lie_beside_stacks(tmp_path):
    pixels = np.arange(20, dtype=np.uint8).reshape(4, 5)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    found = read_plane(tmp_path / "a.tif", PlaneChoice("GFP", "max", "1"))
    assert np.array_equal(found.pixels, pixels)


def test_the_choice_is_kept(tmp_path):
    assert read_choice(tmp_path) == PlaneChoice()
    write_choice(tmp_path, PlaneChoice("DAPI", "focus"))
    assert read_choice(tmp_path) == PlaneChoice("DAPI", "focus", None)
    options = PlaneChoice(z="1")
    assert options.over(read_choice(tmp_path)) == PlaneChoice("DAPI", "1", None)


def test_dark_nuclei_are_shown_in_the_negative(stack, tmp_path):
    plane = PlaneChoice("GFP", "2", "1")
    dark = PlaneChoice(invert=True).over(plane)
    assert dark == PlaneChoice("GFP", "2", "1", True)
    assert PlaneChoice("GFP").over(dark).invert
    seen, negative = read_plane(stack, plane).pixels, read_plane(stack, dark).pixels
    assert np.array_equal(negative, 65535 - seen)
    write_choice(tmp_path, dark)
    assert read_choice(tmp_path) == dark
    assert dark.said() == {"channel": "GFP", "z": "2", "t": "1", "invert": True}


def test_choices_of_before_there_was_a_negative_are_read(tmp_path):
    (tmp_path / "annotation").mkdir()
    (tmp_path / "annotation" / "project.json").write_text('{"channel": "1"}')
    assert read_choice(tmp_path) == PlaneChoice("1")


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"z": "each"}', '{"t": "0:"}', '{"z": "no"}', '{"invert": 1}']
)
def test_a_damaged_choice_is_named(tmp_path, text):
    (tmp_path / "annotation").mkdir()
    (tmp_path / "annotation" / "project.json").write_text(text)
    with pytest.raises(DataError, match=r"project\.json: cannot be read.*choose anew"):
        read_choice(tmp_path)


@pytest.mark.parametrize("choice", [PlaneChoice(z="each"), PlaneChoice(t="0:"), PlaneChoice(z="x")])
def test_one_plane_alone_can_be_shown(choice):
    with pytest.raises(UsageError):
        choice.parsed()
