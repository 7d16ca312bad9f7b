import json
import shutil
import sys

import numpy as np
import pytest
from reference.ome import check_valid

from nucseg_tf.errors import DataError, ImageReadError, OutputError
from nucseg_tf.io.omezarr.plate import is_plate, zarr_plate
from nucseg_tf.io.omezarr.write_plate import create_plate, write_field
from nucseg_tf.io.readers.omezarr import READER

FIELD = np.arange(2 * 6 * 5, dtype=np.uint16).reshape(2, 6, 5)


@pytest.fixture
def plate(tmp_path, version):
    """Wells B03 and AA10, of two fields each, of which one is not written."""
    path = tmp_path / "p.zarr"
    create_plate(path, "P1", ["AA10", "B03"], 2, version)
    for well, field in (("B03", 0), ("B03", 1), ("AA10", 1)):
        write_field(path, well, field, FIELD + field, ["DAPI", "GFP"], 0.5, version)
    return path


def test_a_plate_is_valid(plate, version):
    check_valid(plate, "hcs", version)
    check_valid(plate / "B" / "03", "well", version)
    check_valid(plate / "B" / "03" / "0", "image", version)


def test_fields_of_a_plate(plate):
    found = zarr_plate(plate)
    assert found.name == "P1"
    assert [(f.well, f.row, f.column, f.field, f.acquisition) for f in found.fields] == [
        ("AA10", "AA", "10", "1", None),
        ("B03", "B", "03", "0", None),
        ("B03", "B", "03", "1", None),
    ]
    assert found.missing == (plate / "AA" / "10" / "0",)
    raw = READER.read(found.fields[2].path)
    np.testing.assert_array_equal(raw.data[:, :, :], FIELD + 1)
    assert (raw.pixel_size, raw.channels) == (0.5, ("DAPI", "GFP"))


def edit(group, change):
    """Change the metadata of OME-Zarr of a group."""
    file = group / ".zattrs" if (group / ".zattrs").is_file() else group / "zarr.json"
    said = json.loads(file.read_text())
    change(said["attributes"]["ome"] if "attributes" in said else said)
    file.write_text(json.dumps(said))


def test_acquisitions_and_missing_wells(plate):
    shutil.rmtree(plate / "AA" / "10")
    edit(plate / "B" / "03", lambda said: said["well"]["images"][0].update(acquisition=3))
    edit(plate, lambda said: said["plate"].pop("name"))
    found = zarr_plate(plate)
    assert (found.name, found.missing) == ("p", (plate / "AA" / "10",))
    assert [f.acquisition for f in found.fields] == [3, None]
    shutil.rmtree(plate / "B")
    with pytest.raises(ImageReadError, match=r"p\.zarr: none of the plate's 2 wells"):
        zarr_plate(plate)


def test_columns_are_padded(plate):
    (plate / "B" / "03").rename(plate / "B" / "3")
    edit(plate, lambda said: said["plate"]["wells"][1].update(path="B/3"))
    assert [(f.well, f.column) for f in zarr_plate(plate).fields][1] == ("B03", "3")


def test_what_is_no_plate(plate, tmp_path):
    field = plate / "B" / "03" / "0"
    assert is_plate(plate)
    assert not is_plate(field)
    assert not is_plate(field / "0")
    assert not is_plate(tmp_path)
    assert not is_plate(tmp_path / "nowhere")
    with pytest.raises(ImageReadError, match="is no plate"):
        zarr_plate(field)
    with pytest.raises(ImageReadError, match="is a plate, not an image"):
        READER.read(plate)
    with pytest.raises(ImageReadError, match="is a well"):
        READER.read(plate / "B" / "03")
    edit(plate, lambda said: said["plate"].pop("wells"))
    with pytest.raises(ImageReadError, match=r"p\.zarr: its metadata do not describe a plate"):
        zarr_plate(plate)


def test_a_plate_is_known_without_the_package(plate, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    assert is_plate(plate)
    with pytest.raises(ImageReadError, match=r'pip install "nucseg-tf\[zarr\]"'):
        zarr_plate(plate)


def test_damaged_metadata_are_no_plate(tmp_path):
    for text in ("{", "[]", "3", '{"attributes": 1}', '{"attributes": {"ome": null}}'):
        (tmp_path / "zarr.json").write_text(text)
        assert not is_plate(tmp_path)


def test_what_is_refused(plate, version):
    with pytest.raises(OutputError, match="there already"):
        create_plate(plate, "P2", ["B03"], 1, version)
    with pytest.raises(OutputError, match="there already"):
        write_field(plate, "B03", 0, FIELD, version=version)
    with pytest.raises(DataError, match="no well C03"):
        write_field(plate, "C03", 0, FIELD, version=version)
    for wells, count in (([], 1), (["B03", "B03"], 1), (["B03"], 0), (["3B"], 1), (["B00"], 1)):
        with pytest.raises(DataError):
            create_plate(plate.parent / "q.zarr", "Q", wells, count, version)
