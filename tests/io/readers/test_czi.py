import sys

import numpy as np
import pytest
from pylibCZIrw import czi

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.images import read_raw
from nucseg_tf.io.readers.czi import READER

# (scene, T, Z, C, H, W)
PIXELS = np.random.default_rng(3).integers(0, 2**16, (2, 2, 3, 2, 40, 50)).astype(np.uint16)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Two scenes, each of two tiles side by side, away from the origin."""
    path = tmp_path_factory.mktemp("czi") / "a.czi"
    with czi.create_czi(str(path)) as file:
        for s, t, z, c in np.ndindex(PIXELS.shape[:4]):
            for left in (0, 25):
                tile = np.ascontiguousarray(PIXELS[s, t, z, c][:, left : left + 25, np.newaxis])
                place = (1000 * s + 300 + left, -70)
                file.write(tile, place, plane={"T": t, "Z": z, "C": c}, scene=s)
        names = {0: "DAPI", 1: "GFP"}
        file.write_metadata("a", names, scale_x=0.3e-6, scale_y=0.3e-6, scale_z=2e-6)
    return path


def test_scenes(path):
    assert READER.scenes(path) == ("0", "1")
    with pytest.raises(ImageReadError, match=r"which image"):
        READER.read(path)
    for scene in range(2):
        raw = READER.read_scene(path, scene)
        assert (raw.axes, raw.data.shape, raw.data.dtype) == ("TZCYX", PIXELS.shape[1:], np.uint16)
        np.testing.assert_array_equal(raw.data[1, :, 0, :, :], PIXELS[scene, 1, :, 0])
    assert (raw.pixel_size, raw.plane_distance) == pytest.approx((0.3, 2.0))
    assert raw.channels == ("DAPI", "GFP")


@pytest.mark.parametrize("window", [np.s_[3:9, 20:30], np.s_[5, 1::7], np.s_[:, 49], np.s_[-1, -2]])
def test_windows_across_tiles(path, window):
    found = READER.read_scene(path, 0).data[0, 2, 1, *window]
    np.testing.assert_array_equal(found, PIXELS[0, 0, 2, 1][window])


def test_colours_and_no_scene(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (6, 7, 3)).astype(np.uint8)
    with czi.create_czi(str(tmp_path / "a.czi")) as file:
        file.write(np.ascontiguousarray(colour[..., ::-1]))
    raw = READER.read(tmp_path / "a.czi")
    assert raw.axes == "TZCYXS"
    np.testing.assert_array_equal(raw.data[0, 0, 0, :, :, :], colour)
    np.testing.assert_array_equal(raw.data[0, 0, 0, 2:4, 3, 1], colour[2:4, 3, 1])


def test_axes_that_cannot_be_chosen(path, monkeypatch):
    extent = {"T": (0, 1), "H": (0, 2), "B": (0, 1)}  # the library writes no such files
    monkeypatch.setattr(czi.CziReader, "total_bounding_box_no_pyramid", extent)
    with pytest.raises(ImageReadError, match=r"a\.czi: has axes H that"):
        READER.read_scene(path, 0)


def test_what_is_cut_short(path, tmp_path):
    (tmp_path / "b.czi").write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ImageReadError, match=r"b\.czi: damaged"):
        read_raw(tmp_path / "b.czi")


def test_recognises(path):
    assert READER.recognises(path.read_bytes()[:32])
    assert not READER.recognises(b"ZISRAW")


def test_without_the_package(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pylibCZIrw", None)
    monkeypatch.delitem(sys.modules, "pylibCZIrw.czi", raising=False)
    with pytest.raises(ImageReadError, match=r'pip install "nucseg-tf\[formats\]"'):
        READER.read(path)


def test_what_ends_the_process_of_the_library_is_refused(path, monkeypatch):
    monkeypatch.setattr("nucseg_tf.io.readers.czi._TRY", "import os; os.abort()")
    with pytest.raises(ImageReadError, match=r"a\.czi: is so damaged that Zeiss's library fails"):
        READER.scenes(path)
    monkeypatch.setattr("nucseg_tf.io.readers.czi._TRY", "import time; time.sleep(9)")
    monkeypatch.setattr("nucseg_tf.io.elsewhere.PATIENCE", 0.2)
    with pytest.raises(ImageReadError, match=r"a\.czi: is so damaged that Zeiss's library fails"):
        READER.scenes(path)
