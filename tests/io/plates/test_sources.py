from dataclasses import replace

import h5py
import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.io.choices import parse
from nucseg_tf.io.omezarr.write_plate import create_plate, write_field
from nucseg_tf.io.planes import find_planes
from nucseg_tf.io.plates.folder import read_plate
from nucseg_tf.io.plates.sources import FilesField, find_sources, plate_sources


def pixels(well: str, field: int, channel: int) -> np.ndarray:
    shape = np.full((6, 8), 100 * channel + field, np.uint16)
    shape[0, 0] = ord(well[0])
    return shape


@pytest.fixture
def folder(tmp_path):
    """B03 and C02, two fields, two channels."""
    for well in ("B03", "C02"):
        for field in (1, 2):
            for channel in (1, 2):
                name = f"P_{well}_T0001F{field:03d}L01A01Z01C{channel:02d}.tif"
                tifffile.imwrite(tmp_path / name, pixels(well, field, channel))
    return tmp_path


@pytest.fixture
def zarr_plate(tmp_path):
    path = tmp_path / "P.zarr"
    create_plate(path, "P", ["B03", "C02"], 2)
    for well in ("B03", "C02"):
        for field in (0, 1):
            both = np.stack([pixels(well, field, channel) for channel in (1, 2)])
            write_field(path, well, field, both, ["DAPI", "GFP"], 0.5)
    return path


def plane(source, **choice):
    planes = find_planes(source.path, source.open(), parse(**choice))
    return planes.plane(planes.settle(parse(**choice)))


def test_fields_of_files(folder):
    sources = plate_sources(folder)
    assert [source.name for source in sources] == ["B03_f001", "B03_f002", "C02_f001", "C02_f002"]
    assert sources[3].origin == {
        "image": "C02_f002", "plate": "P", "well": "C02", "row": "C", "column": 2, "field": 2,
    }  # fmt: skip
    raw = sources[3].open()
    assert (raw.axes, raw.data.shape, raw.channels) == ("TCZYX", (1, 2, 1, 6, 8), ("C01", "C02"))
    np.testing.assert_array_equal(plane(sources[3], channel="C02"), pixels("C02", 2, 2))
    np.testing.assert_array_equal(plane(sources[0], channel=0), pixels("B03", 1, 1))


def test_channels_answer_to_the_names_in_file_names_too(folder):
    plate = replace(read_plate(folder), channel_names={"C01": "GFP", "C02": "DAPI"})
    source = FilesField(plate, plate.fields[0])
    for name in ("C02", "c02", "DAPI", "dapi", 1):
        np.testing.assert_array_equal(plane(source, channel=name), pixels("B03", 1, 2))
    swapped = FilesField(replace(plate, channel_names={"C01": "C02", "C02": "C01"}), source.field)
    np.testing.assert_array_equal(plane(swapped, channel="C02"), pixels("B03", 1, 1))


def test_fields_of_zarr(zarr_plate):
    sources = find_sources([zarr_plate])
    assert [source.name for source in sources] == ["B03_f000", "B03_f001", "C02_f000", "C02_f001"]
    assert sources[3].origin == {
        "image": "C02_f001", "plate": "P", "well": "C02", "row": "C", "column": 2, "field": 1,
    }  # fmt: skip
    np.testing.assert_array_equal(plane(sources[3], channel="GFP"), pixels("C02", 1, 2))
    with pytest.raises(UsageError, match="needs no --pattern"):
        plate_sources(zarr_plate, "x")


def test_a_field_that_is_listed_and_not_there_is_said(zarr_plate, caplog):
    (zarr_plate / "B" / "03" / "1").rename(zarr_plate / "away")
    assert len(plate_sources(zarr_plate)) == 3
    assert "B/03/1: is listed by the plate, and not there" in caplog.text


def test_a_plane_without_a_file(folder, caplog):
    (folder / "P_C02_T0001F002L01A01Z01C02.tif").unlink()
    sources = plate_sources(folder)
    assert "C02 field 2" in caplog.text
    plane(sources[3], channel="C01")
    with pytest.raises(ImageReadError, match=r"C02 field 2: there is no file of channel C02"):
        plane(sources[3], channel="C02")


def test_a_plane_of_another_size(folder):
    path = folder / "P_B03_T0001F001L01A01Z01C02.tif"
    tifffile.imwrite(path, np.zeros((5, 8), np.uint16))
    with pytest.raises(ImageReadError, match=r"C02\.tif: is of 5 x 8 px, but .*C01\.tif.* 6 x 8"):
        plane(plate_sources(folder)[0], channel="C02")


def test_a_folder_is_a_plate_only_if_that_is_said(folder, caplog):
    assert len(find_sources([folder])) == 8
    assert "With --pattern auto they are fields of wells" in caplog.text
    assert len(find_sources([folder], pattern="auto")) == 4


def test_plates_in_a_folder_are_fields_too(zarr_plate):
    tifffile.imwrite(zarr_plate.parent / "a.tif", np.zeros((6, 8), np.uint16))
    names = [source.name for source in find_sources([zarr_plate.parent])]
    assert names == ["a", "B03_f000", "B03_f001", "C02_f000", "C02_f001"]


def test_a_scene_behind_a_file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["volumes/raw"] = np.arange(12, dtype=np.uint8).reshape(3, 4)
        file["volumes/other"] = np.zeros((3, 5), np.uint8)
    (source,) = find_sources([f"{path}:/volumes/raw"])
    np.testing.assert_array_equal(source.open().read_all(), np.arange(12).reshape(3, 4))
    with pytest.raises(UsageError, match="no such file"):
        find_sources([f"{tmp_path}/b.h5:volumes/raw"])


def test_a_file_that_is_named_twice_is_one_source(folder):
    files = sorted(folder.glob("*.tif"))
    found = find_sources([files[2], folder, folder / "." / files[2].name, files[0]])
    assert [source.path for source in found] == [files[2], *files[:2], *files[3:]]


def test_a_limit_that_is_no_number_is_no_fault_of_the_images(tmp_path, monkeypatch):
    monkeypatch.setenv("NUCSEG_MAX_GB", "much")
    with pytest.raises(UsageError, match=r"NUCSEG_MAX_GB: .*Received: 'much'"):
        find_sources([tmp_path])
