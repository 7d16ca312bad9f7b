"""Small pictures of the fields."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import tifffile

from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.editor.thumbnails import SIDE, Thumbnails, draw
from nucseg_tf.errors import ImageReadError, PlaneChoiceError


def grey(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_every_kind_of_pixel(dtype):
    pixels = np.full((300, 400), 10, dtype)
    pixels[:, 200:] = 90
    if pixels.dtype.kind == "f":
        pixels[0, 0] = np.nan
    found = grey(draw(pixels))
    assert found.shape == (SIDE * 3 // 4, SIDE)
    assert found[10:, :40].max() < 10
    assert found[10:, 56:].min() > 245


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (1, 4000), (97, 96)])
def test_every_shape(shape):
    height, width = grey(draw(np.zeros(shape, np.uint16))).shape
    assert max(height, width) <= SIDE
    assert min(height, width) >= 1


def test_it_is_made_once_and_anew_where_the_image_changed(tmp_path, monkeypatch):
    image = tmp_path / "a.tif"
    tifffile.imwrite(image, np.zeros((20, 20), np.uint8))
    first = Thumbnails(tmp_path).get(image, PlaneChoice())
    with monkeypatch.context() as patched:
        patched.setattr("nucseg_tf.annotation.editor.thumbnails.read_plane", None)
        again = Thumbnails(tmp_path)  # from the disk, then from memory
        assert [again.get(image, PlaneChoice()) for _ in range(2)] == [first, first]
    pixels = np.zeros((20, 20), np.uint8)
    pixels[5:15] = 200
    tifffile.imwrite(image, np.concatenate([pixels, pixels]))
    assert again.get(image, PlaneChoice()) != first
    image.unlink()
    with pytest.raises(ImageReadError, match=r"a\.tif: cannot be read"):
        again.get(image, PlaneChoice())


def test_another_plane_is_another_picture(tmp_path):
    image = tmp_path / "a.tif"
    pixels = np.zeros((2, 20, 20), np.uint8)
    pixels[1, :10] = 9
    pixels[0, 10:] = 9
    tifffile.imwrite(image, pixels, metadata={"axes": "CYX"}, imagej=True)
    thumbnails = Thumbnails(tmp_path)
    with pytest.raises(PlaneChoiceError):
        thumbnails.get(image, PlaneChoice())
    zero, one = (grey(thumbnails.get(image, PlaneChoice(channel))) for channel in "01")
    assert zero[2, 2] < 50 < 200 < one[2, 2]


def test_a_folder_that_cannot_be_written_is_no_matter(tmp_path, caplog):
    image = tmp_path / "a.tif"
    tifffile.imwrite(image, np.zeros((20, 20), np.uint8))
    (tmp_path / "file").touch()
    assert Thumbnails(tmp_path / "file").get(image, PlaneChoice())
    assert "cannot write" in caplog.text
