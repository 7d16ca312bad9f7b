"""Folders of empty files: `read_plate` looks at names alone."""

from __future__ import annotations

import pytest

from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.plates.folder import read_plate
from nucseg_tf.io.plates.open import open_plate


@pytest.fixture
def folder(tmp_path):
    """Makes files below a folder and returns it."""

    def make(*names: str, at: str = "exp"):
        for name in names:
            path = tmp_path / at / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / at

    return make


def cv(well: str, field: int = 1, channel: int = 1, z: int = 1, t: int = 1, action: int = 1) -> str:
    return f"P_{well}_T{t:04d}F{field:03d}L01A{action:02d}Z{z:02d}C{channel:02d}.tif"


def test_fields_are_in_order_with_their_files(folder):
    names = [cv("C02", 2), cv("B11"), cv("B03", 10, 2), cv("B03", 9), cv("B03", 10, 1, z=3, t=2)]
    top = folder(*names)
    plate = open_plate(top)
    assert [(f.well, f.number) for f in plate.fields] == [
        ("B03", 9),
        ("B03", 10),
        ("B11", 1),
        ("C02", 2),
    ]
    assert dict(plate.fields[1].files) == {
        (1, "C02", 1): top / names[2],
        (2, "C01", 3): top / names[4],
    }
    assert (plate.name, plate.kind, plate.rows, plate.columns) == ("P", "CellVoyager", 8, 12)
    assert plate.channels == ("C01", "C02")
    assert plate.times == (1, 2)
    assert plate.planes("C01") == (1, 3)
    assert plate.planes("C02") == (1,)


def test_fields_are_sorted_by_number_not_by_name(folder):
    names = [f"B - {column}(fld {field}).tif" for column in (10, 2) for field in (11, 3)]
    fields = read_plate(folder(*names)).fields
    assert [(f.well, f.number) for f in fields] == [
        ("B02", 3),
        ("B02", 11),
        ("B10", 3),
        ("B10", 11),
    ]


def test_channels_are_sorted_by_number(folder):
    names = [f"r01c01f01p01-ch{channel}sk1fk1fl1.tiff" for channel in (10, 2, 1)]
    assert read_plate(folder(*names)).channels == ("ch1", "ch2", "ch10")


def test_a_channel_taken_twice_is_two(folder):
    plate = read_plate(
        folder(cv("B03", channel=1), cv("B03", channel=2), cv("B03", 1, 2, action=2))
    )
    assert plate.channels == ("A01_C02", "A02_C02", "C01")
    assert len(plate.fields[0].files) == 3


def test_two_files_of_one_plane_are_an_error_that_names_both(folder):
    top = folder(cv("B03"), f"copy/{cv('B03')}")
    with pytest.raises(DataError) as caught:
        read_plate(top)
    text = str(caught.value)
    assert str(top / cv("B03")) in text
    assert str(top / "copy" / cv("B03")) in text
    assert "well B03, field 1, channel C01, plane 1, time 1" in text


def test_two_plates_are_an_error(folder):
    top = folder("one_B03_s1_w1.tif", "two_B03_s1_w1.tif", "two_B03_s1_w2.tif")
    with pytest.raises(DataError, match=r"holds 2 plates, for instance one_B03.*; two_B03"):
        read_plate(top, r"(?P<plate>\w+)_(?P<well>\w\d\d)_s(?P<field>\d)_(?P<channel>w\d)\.tif")
    plate = read_plate(top, r"(?P<plate>two)_(?P<well>\w\d\d)_s(?P<field>\d)_(?P<channel>w\d)\.tif")
    assert (plate.name, plate.kind) == ("two", "--pattern")
    assert plate.unmatched == ("one_B03_s1_w1.tif",)


def test_results_thumbnails_and_hidden_files_are_left_out(folder):
    plate = read_plate(
        folder(
            "TimePoint_1/P_B03_s1_w1.tif",
            "TimePoint_1/P_B03_s1_w1_thumb.tif",
            "TimePoint_1/P_B03_s1_w2.tif",
            "TimePoint_1/P_B03_s1_w2_thumb.tif",
            "TimePoint_1/P_B03_s1_w1_labels.tif",
            "TimePoint_1/.P_B04_s1_w1.tif",
            ".hidden/P_B04_s1_w1.tif",
            "truth/B03_F001_labels.tif",
            "notes.txt",
            "overview.png",
        )
    )
    assert [field.well for field in plate.fields] == ["B03"]
    assert plate.unmatched == ("overview.png",)


def test_a_projection_beside_its_planes_is_plane_0(folder):
    names = ["ZStep_1/P_B03_s1_w1.tif", "ZStep_2/P_B03_s1_w1.tif", "P_B03_s1_w1.tif"]
    plate = read_plate(folder(*[f"TimePoint_1/{name}" for name in names]))
    assert plate.planes("w1") == (0, 1, 2)
    assert plate.oddities() == []


def test_the_name_is_that_of_the_folder_or_of_the_one_around_images(folder):
    top = folder("Images/r01c02f01p01-ch1sk1fk1fl1.tiff", at="Screen7")
    assert read_plate(top).name == read_plate(top / "Images").name == "Screen7"


def test_wells_can_be_counted(folder):
    top = folder("--W00025--P00001--Z00000--T00000--x.tif")
    assert read_plate(top, columns=24).fields[0].well == "B01"
    with pytest.raises(UsageError, match="--columns 12"):
        read_plate(top)
    with pytest.raises(UsageError, match=r"--columns: expected 1 or more. Received: 0"):
        read_plate(top, columns=0)


def test_what_is_no_plate(folder, tmp_path):
    with pytest.raises(UsageError, match="nowhere: no such folder"):
        read_plate(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"no images \(\.tif"):
        read_plate(folder("a.txt"))
    top = folder("a/photo.jpg")
    with pytest.raises(UsageError, match=r"of no known kind, for instance a/photo\.jpg"):
        read_plate(top)
    with pytest.raises(UsageError, match=r"no image's name matches, for instance a/photo\.jpg"):
        read_plate(top, r"(?P<well>\w\d\d)\.tif")
