import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.images import read_image
from nucseg_tf.io.readers.base import HEAD
from nucseg_tf.io.readers.tiff import READER


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "uint32", "float32", "float64"])
def test_tiff_keeps_dtype_and_pixels(tmp_path, grey, dtype):
    image = grey.astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", image, compression="zlib")
    read = read_image(tmp_path / "a.tif")
    assert read.pixels.dtype == dtype
    np.testing.assert_array_equal(read.pixels, image)
    assert read.pixel_size is None
    assert read.path == tmp_path / "a.tif"


@pytest.mark.parametrize("options", [{"imagej": True}, {"metadata": None}])
def test_truncated_stack_does_not_pass_as_a_single_plane(tmp_path, options):
    # tifffile only logs that it found 1 page of 5, and returns that page.
    path = tmp_path / "cut.tif"
    stack = np.ones((5, 64, 64), np.uint16)
    tifffile.imwrite(path, stack, photometric="minisblack", **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageReadError, match=r"cut\.tif: "):
        read_image(path)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_recognises_its_own(tmp_path, grey, byteorder, bigtiff):
    tifffile.imwrite(tmp_path / "a.tif", grey, byteorder=byteorder, bigtiff=bigtiff)
    assert READER.recognises((tmp_path / "a.tif").read_bytes()[:HEAD])


@pytest.mark.parametrize("head", [b"", b"II", b"II*x", b"\x89PNG\r\n\x1a\n", b"MM is no TIFF"])
def test_recognises_nothing_else(head):
    assert not READER.recognises(head)
