import json

import h5py
import numpy as np
import pytest

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.images import read_raw
from nucseg_tf.io.readers.hdf5 import READER

STACK = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5)


@pytest.fixture
def path(tmp_path):
    """An image among what is none: texts, a column of numbers, the scale of an axis."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["well/stack"] = STACK
        file["well/names"] = [["a", "b"], ["c", "d"]]
        file["area"] = np.ones(9)
        file["scale"] = np.ones((2, 2))
        file["scale"].make_scale("x")
        file["other"] = STACK[0, 0] > 3
    return path


def test_datasets_are_scenes(path):
    assert READER.scenes(path) == ("other", "well/stack")
    raw = READER.read_scene(path, 1)
    assert (raw.axes, raw.data.shape, raw.data.dtype) == ("IQYX", STACK.shape, np.uint16)
    np.testing.assert_array_equal(raw.data[1, :, 2, 1:4], STACK[1, :, 2, 1:4])
    assert (raw.pixel_size, raw.plane_distance) == (None, None)
    np.testing.assert_array_equal(READER.read_scene(path, 0).data[:, :], STACK[0, 0] > 3)
    with pytest.raises(ImageReadError, match=r"a\.h5: which image.*0 other, 1 well/stack"):
        READER.read(path)


def test_pixels_are_read_when_asked_for(path):
    data = READER.read_scene(path, 1).data
    with h5py.File(path, "r+") as file:  # is not open any more
        file["well/stack"][0, 0, 0, 0] = 9
    assert data[0, 0, 0, 0] == 9


def labelled(dataset):
    for dimension, name in zip(dataset.dims, "czyx", strict=True):
        dimension.label = name


def ilastik(dataset):
    dataset.attrs["axistags"] = json.dumps({"axes": [{"key": key} for key in "tcyx"]})


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        (labelled, "CZYX"),
        (ilastik, "TCYX"),
        (lambda dataset: dataset.attrs.update(axes="yxzc"), "YXZC"),
        (lambda dataset: dataset.attrs.update(axes=["z", "C", "y", "x"]), "ZCYX"),
        (lambda dataset: dataset.attrs.update(axes=np.bytes_("angle")), None),
        (lambda dataset: dataset.attrs.update(axes=["z", "angle", "y", "x"]), "ZIYX"),
        (lambda dataset: dataset.attrs.update(axes="zzyx"), None),
        (lambda dataset: dataset.attrs.update(axes="tzcy"), None),
        (lambda dataset: dataset.attrs.update(axes="yx"), None),
        (lambda dataset: dataset.attrs.update(axistags="{"), None),
    ],
)
def test_names_of_axes(path, name, axes):
    with h5py.File(path, "r+") as file:
        name(file["well/stack"])
    if axes is None:
        with pytest.raises(ImageReadError, match=r"a\.h5/well/stack: .*ax"):
            READER.read_scene(path, 1)
    else:
        assert READER.read_scene(path, 1).axes == axes


def test_sizes_of_pixels(path):
    with h5py.File(path, "r+") as file:
        labelled(file["well/stack"])
        file["well/stack"].attrs["element_size_um"] = [2.0, 0.4, 0.3]
        file["other"].attrs["element_size_um"] = [2.0, 0.3, 0.3]
    raw = READER.read_scene(path, 1)
    assert (raw.pixel_size, raw.pixel_height, raw.plane_distance) == (0.3, 0.4, 2.0)
    raw = READER.read_scene(path, 0)
    assert (raw.pixel_size, raw.pixel_height, raw.plane_distance) == (0.3, None, None)


def test_too_many_axes_without_names(path):
    with h5py.File(path, "w") as file:
        file["a"] = STACK[np.newaxis]
    with pytest.raises(ImageReadError, match=r"a\.h5/a: has 5 axes without names.*`axes`"):
        READER.read(path)


def test_what_holds_no_image(path):
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(3)
    with pytest.raises(ImageReadError, match="holds no dataset"):
        READER.read(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ImageReadError, match=r"a\.h5: damaged"):
        read_raw(path)


def test_damaged_chunks(path):
    with h5py.File(path, "w") as file:
        kept = file.create_dataset("a", data=STACK[0, 0], fletcher32=True, chunks=(4, 5))
        place = kept.id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=r"a\.h5: dataset a is damaged"):
        READER.read(path).data[:, :]


def test_recognises(path):
    assert READER.recognises(path.read_bytes()[:32])
    assert not READER.recognises(b"HDF")


def test_labels_of_axes_of_a_kind_that_ends_the_process_of_hdf5(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("a", data=np.zeros((4, 5), np.uint8))
        dataset.attrs["DIMENSION_LABELS"] = np.array([1, 2])
    with pytest.raises(ImageReadError, match=r"axes 1, 2 do not fit shape \(4, 5\)"):
        READER.read(path)


def damage_texts(path):
    """Let the free place after the texts of a file be followed by one of no size, and so on."""
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL") + 16
    length = int.from_bytes(content[heap + 8 : heap + 16], "little")
    free = heap + 16 + -(-length // 8) * 8
    assert content[free : free + 2] == b"\0\0"
    content[free + 8 : free + 16] = bytes(8)
    path.write_bytes(content)


def test_what_hdf5_comes_to_no_end_with(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a/b", data=np.zeros((4, 5), np.uint8)).attrs["axes"] = "yx"
    assert READER.read(path).axes == "YX"
    damage_texts(path)
    monkeypatch.setattr("nucseg_tf.io.elsewhere.PATIENCE", 1.5)
    with pytest.raises(ImageReadError, match=r"a\.h5: is so damaged that HDF5 fails on it"):
        READER.read(path)
