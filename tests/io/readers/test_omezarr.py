import json
import shutil
import sys

import numpy as np
import pytest
import zarr

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.omezarr.write_image import write_image
from nucseg_tf.io.readers.omezarr import READER

PIXELS = np.random.default_rng(1).integers(0, 2**16, (2, 3, 40, 50)).astype(np.uint16)


@pytest.fixture(params=["0.4", "0.5"])
def image(request, tmp_path):
    path = tmp_path / "a.zarr"
    write_image(path, PIXELS, "CZYX", ["DAPI", "GFP"], 0.3, 1.5, request.param, levels=2)
    return path


def metadata(group):
    """The file of a group's attributes, all of it, and those of OME-Zarr in it."""
    file = group / ".zattrs" if (group / ".zattrs").is_file() else group / "zarr.json"
    said = json.loads(file.read_text())
    return file, said, said["attributes"]["ome"] if "attributes" in said else said


def edit(group, change):
    file, said, ome = metadata(group)
    change(ome)
    file.write_text(json.dumps(said))


def test_what_is_read(image):
    raw = READER.read(image)
    assert (raw.axes, raw.data.shape, raw.data.dtype) == ("CZYX", PIXELS.shape, np.uint16)
    assert (raw.pixel_size, raw.pixel_height, raw.plane_distance) == (0.3, None, 1.5)
    assert raw.channels == ("DAPI", "GFP")
    assert READER.scenes(image) == ("",)


@pytest.mark.parametrize(
    "index",
    [
        np.s_[1, 2, :, :],
        np.s_[:, 1, 3:9, 5:7],
        np.s_[0, 0, 4, 2],
        np.s_[:, :, :, :],
        np.s_[:, :0, :, 1],
    ],
)
def test_indexing_is_that_of_arrays(image, index):
    part = READER.read(image).data[index]
    assert isinstance(part, np.ndarray)
    np.testing.assert_array_equal(part, PIXELS[index])


def test_units_are_converted(image):
    def change(ome):
        axes = ome["multiscales"][0]["axes"]
        axes[1].pop("unit")
        axes[2]["unit"] = "nanometer"
        scale = ome["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"]
        scale[2:] = [250.0, 0.2]
        ome["multiscales"][0]["coordinateTransformations"] = [
            {"type": "scale", "scale": [1, 1, 2, 2]}
        ]

    edit(image, change)
    raw = READER.read(image)
    assert (raw.pixel_size, raw.pixel_height, raw.plane_distance) == (0.4, 0.5, None)


def test_without_a_scale_sizes_are_unknown(image):
    edit(image, lambda ome: ome["multiscales"][0]["datasets"][0].pop("coordinateTransformations"))
    raw = READER.read(image)
    assert (raw.pixel_size, raw.plane_distance) == (None, None)


def test_axes_have_other_names(image):
    def change(ome):
        ome["multiscales"][0]["axes"][0] = {"name": "wavelength", "type": "channel"}
        ome["multiscales"][0]["axes"][1] = {"name": "angle"}

    edit(image, change)
    assert READER.read(image).axes == "CIYX"


def test_shards(tmp_path, image):
    group = zarr.open_group(str(tmp_path / "s.zarr"), mode="w", zarr_format=3)
    shape, shards = PIXELS.shape, (1, 3, 32, 32)
    array = group.create_array("0", shape=shape, dtype=">u2", chunks=(1, 1, 16, 16), shards=shards)
    array[:] = PIXELS
    axes = [{"name": a, "type": "space" if a != "c" else "channel"} for a in "czyx"]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1] * 4}]}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    raw = READER.read(tmp_path / "s.zarr")
    np.testing.assert_array_equal(raw.data[1, 1:, 3:40, 7:], PIXELS[1, 1:, 3:40, 7:])
    assert (raw.pixel_size, raw.channels) == (None, ())
    file = tmp_path / "s.zarr" / "0" / "c" / "1" / "0" / "0" / "1"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ImageReadError, match=r"c/1/0/0/1: this chunk is damaged"):
        raw.data[:, 0, :, 40]
    np.testing.assert_array_equal(raw.data[1, 0, :, :32], PIXELS[1, 0, :, :32])


def test_a_series_is_a_scene(image):
    folder = image.with_name("b.zarr")
    version = "0.4" if (image / ".zgroup").is_file() else "0.5"
    group = zarr.open_group(str(folder), mode="w", zarr_format=2 if version == "0.4" else 3)
    said = {"bioformats2raw.layout": 3}
    group.attrs.put(said if version == "0.4" else {"ome": {"version": "0.5", **said}})
    with pytest.raises(ImageReadError, match="but no image"):
        READER.scenes(folder)
    for series in range(2):
        write_image(folder / str(series), PIXELS[0] + series, "ZYX", version=version)
    assert READER.scenes(folder) == ("0", "1")
    np.testing.assert_array_equal(READER.read_scene(folder, 1).data[:, :, :], PIXELS[0] + 1)
    with pytest.raises(ImageReadError, match=r"which image"):
        READER.read(folder)
    order = group.create_group("OME")
    order.attrs.put({"series": ["1", "0"]} if version == "0.4" else {"ome": {"series": ["1", "0"]}})
    assert READER.scenes(folder) == ("1", "0")
    with pytest.raises(ImageReadError, match="has 2 images"):
        READER.read_scene(folder, 2)


def chunk_files(image):
    return sorted(p for p in (image / "0").rglob("*") if p.is_file() and p.name.isdigit())


def test_a_damaged_chunk_is_named(image):
    bad = chunk_files(image)[-1]
    bad.write_bytes(bad.read_bytes()[: bad.stat().st_size // 2])
    data = READER.read(image).data
    np.testing.assert_array_equal(data[0, 0, :, :], PIXELS[0, 0])
    with pytest.raises(ImageReadError) as caught:
        data[:, 2, :, :]
    assert str(bad.relative_to(image)) in str(caught.value)
    bad.write_bytes(b"")
    with pytest.raises(ImageReadError, match="this chunk is"):
        data[:, 2, :, :]


def test_missing_chunks_are_background_unless_all_are(image):
    first, *rest = chunk_files(image)
    first.unlink()
    data = READER.read(image).data
    assert not data[0, 0, :, :].any()
    np.testing.assert_array_equal(data[0, 1, :, :], PIXELS[0, 1])
    for file in rest:
        file.unlink()
    with pytest.raises(ImageReadError, match=r"a\.zarr/0: holds metadata alone"):
        READER.read(image)


def _cut(file):
    file.write_text(file.read_text()[:40])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda image: _cut(metadata(image)[0]), "metadata are damaged"),
        (lambda image: edit(image, lambda ome: ome.pop("multiscales")), "without `multiscales`"),
        (lambda image: edit(image, lambda ome: ome.update(multiscales=[{}])), "do not describe"),
        (lambda image: edit(image, lambda ome: ome.update(multiscales=3)), "do not describe"),
        (lambda i: edit(i, lambda o: o["multiscales"][0]["axes"].pop(0)), "do not describe"),
        (lambda i: edit(i, lambda o: o["multiscales"][0]["axes"].reverse()), "do not describe"),
        (lambda image: shutil.rmtree(image / "0"), r"a\.zarr/0: is missing"),
        (shutil.rmtree, "no such folder"),
        (lambda image: [f.unlink() for f in image.iterdir() if f.is_file()], "is no Zarr"),
    ],
)  # fmt: skip
def test_what_is_damaged(image, damage, message):
    damage(image)
    with pytest.raises(ImageReadError, match=message):
        READER.read(image)


def test_an_array_is_no_image(image):
    with pytest.raises(ImageReadError, match="is an array of Zarr"):
        READER.read(image / "0")


def test_names_that_do_not_fit_are_left_out(image):
    edit(image, lambda ome: ome["omero"]["channels"].pop())
    assert READER.read(image).channels == ()


def test_without_the_package(image, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ImageReadError, match=r'pip install "nucseg-tf\[zarr\]"'):
        READER.read(image)
