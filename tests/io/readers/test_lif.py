import sys
import tracemalloc

import numpy as np
import pytest
from reference.microscopes import write_lif

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.images import read_raw
from nucseg_tf.io.readers.lif import READER

PIXELS = np.arange(3 * 2 * 4 * 5 * 6, dtype=np.uint16).reshape(3, 2, 4, 5, 6) * 31


@pytest.fixture
def path(tmp_path):
    images = {"one": ("CYX", PIXELS[0, :, 0]), "tiles": ("MCZYX", PIXELS)}
    write_lif(tmp_path / "a.lif", images, 0.5)
    return tmp_path / "a.lif"


def test_images_and_their_tiles_are_scenes(path):
    assert READER.scenes(path) == ("one", "tiles/0", "tiles/1", "tiles/2")
    with pytest.raises(ImageReadError, match=r"which image.*3 tiles/2"):
        READER.read(path)
    raw = READER.read_scene(path, 0)
    assert (raw.axes, raw.channels) == ("CYX", ("dye 0", "dye 1"))
    np.testing.assert_array_equal(raw.data[:, :, :], PIXELS[0, :, 0])
    for tile in range(3):
        raw = READER.read_scene(path, tile + 1)
        assert raw.axes == "CZYX"
        np.testing.assert_array_equal(raw.data[1, 2:, :, 4], PIXELS[tile, 1, 2:, :, 4])
    assert (raw.pixel_size, raw.plane_distance) == pytest.approx((0.5, 0.5))
    assert isinstance(raw.data, np.memmap)


def test_other_axes(tmp_path):
    write_lif(tmp_path / "a.lif", {"line": ("TX", PIXELS[0, 0, 0])}, 0.5)
    with pytest.raises(ImageReadError, match=r"a\.lif: image line has axes T, X"):
        READER.read(tmp_path / "a.lif")


def test_what_is_cut_short(tmp_path):
    path = tmp_path / "a.lif"
    write_lif(path, {"one": ("CYX", PIXELS[0, :, 0])}, 0.5)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ImageReadError, match=r"a\.lif: damaged, cut short"):
        read_raw(path)


def test_metadata_that_say_they_are_longer_than_the_file(path):
    content = bytearray(path.read_bytes())
    content[9:13] = b"\xff" * 4  # characters of two bytes
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ImageReadError, match=r"a\.lif: damaged"):
            read_raw(path)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


def test_no_scene(path):
    with pytest.raises(ImageReadError, match="has 4 images"):
        READER.read_scene(path, 4)


def test_recognises(path):
    assert READER.recognises(path.read_bytes()[:32])
    assert not READER.recognises(b"\x70\0\0\0\0\0\0\0\0")


def test_without_the_package(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "liffile", None)
    with pytest.raises(ImageReadError, match=r'pip install "nucseg-tf\[formats\]"'):
        READER.read(path)
