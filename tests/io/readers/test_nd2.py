import sys

import numpy as np
import pytest
from reference.microscopes import write_nd2

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.images import read_raw
from nucseg_tf.io.readers.nd2 import READER

# (T, P, Z, H, W, C)
FRAMES = np.arange(2 * 3 * 2 * 4 * 5 * 2, dtype=np.uint16).reshape(2, 3, 2, 4, 5, 2) * 97


def write(path, positions=("B3", "B4", "C1"), **options):
    frames = FRAMES.reshape(-1, 4, 5, 2)
    loops = {"T": 2, "P": 3, "Z": 2}
    write_nd2(path, frames, loops, ["DAPI", "GFP"], list(positions), 0.25, 1.5, **options)
    return path


def test_positions_are_scenes(tmp_path):
    path = write(tmp_path / "a.nd2")
    assert READER.scenes(path) == ("B3", "B4", "C1")
    with pytest.raises(ImageReadError, match=r"which image.*1 B4"):
        READER.read(path)
    for position in range(3):
        raw = READER.read_scene(path, position)
        assert (raw.axes, raw.data.shape, raw.data.dtype) == ("TZCYX", (2, 2, 2, 4, 5), np.uint16)
        expected = np.moveaxis(FRAMES[:, position], -1, 2)
        np.testing.assert_array_equal(raw.data[:, :, :, :, :], expected)
        np.testing.assert_array_equal(raw.data[1, 0, 1, 1:3, 4:], expected[1, 0, 1, 1:3, 4:])
    assert (raw.pixel_size, raw.pixel_height, raw.plane_distance) == (0.25, None, 1.5)
    assert raw.channels == ("DAPI", "GFP")


def test_names_that_come_twice_are_numbers(tmp_path):
    assert READER.scenes(write(tmp_path / "a.nd2", ("A", "A", "B"))) == ("0", "1", "2")


def test_one_plane(tmp_path):
    write_nd2(tmp_path / "a.nd2", FRAMES[0, 0, :1, ..., :1], {"Z": 1}, ["DAPI"], [], 0.25, 1.0)
    assert READER.scenes(tmp_path / "a.nd2") == ("",)
    raw = READER.read(tmp_path / "a.nd2")
    np.testing.assert_array_equal(np.squeeze(raw.data[:, :]), FRAMES[0, 0, 0, ..., 0])


def test_a_frame_that_is_missing(tmp_path):
    raw = READER.read_scene(write(tmp_path / "a.nd2", missing=(7,)), 0)
    np.testing.assert_array_equal(raw.data[1, 0, 1, :, :], FRAMES[1, 0, 0, ..., 1])
    with pytest.raises(ImageReadError, match=r"a\.nd2: frame 7 is missing"):
        raw.data[1, 1, 0, :, :]


def test_what_is_cut_short(tmp_path):
    path = write(tmp_path / "a.nd2")
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(ImageReadError, match=r"a\.nd2: damaged"):
        read_raw(path)


@pytest.mark.parametrize("name", [b"ImageAttributesLV!", b"ImageMetadataLV!"])
def test_a_chunk_that_says_it_is_longer_than_the_file(tmp_path, name):
    path = write(tmp_path / "a.nd2")
    content = bytearray(path.read_bytes())
    place = content.index(name)  # after the header of 16 bytes that ends with the length
    content[place - 8 : place] = (2**60).to_bytes(8, "little")
    path.write_bytes(content)
    assert READER.read_scene(path, 0).data.shape == (2, 2, 2, 4, 5)


def test_recognises(tmp_path):
    assert READER.recognises(write(tmp_path / "a.nd2").read_bytes()[:32])
    assert not READER.recognises(b"II*\0")


def test_without_the_package(tmp_path, monkeypatch):
    path = write(tmp_path / "a.nd2")
    monkeypatch.setitem(sys.modules, "nd2", None)
    with pytest.raises(ImageReadError, match=r'pip install "nucseg-tf\[formats\]"'):
        READER.read(path)
