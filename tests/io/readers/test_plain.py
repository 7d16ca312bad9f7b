import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.images import read_image
from nucseg_tf.io.readers.base import HEAD
from nucseg_tf.io.readers.plain import READER


def test_png_16_bit_is_exact(tmp_path, grey):
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    read = read_image(tmp_path / "a.png").pixels
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, grey)


def test_png_that_declares_no_pixels(tmp_path):
    header = b"IHDR" + struct.pack(">IIBBBBB", 0, 0, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "zero.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(ImageReadError, match=r"zero\.png"):
        read_image(tmp_path / "zero.png")


@pytest.mark.parametrize("suffix", READER.suffixes)
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_recognises_its_own(tmp_path, suffix, shape):
    Pillow.fromarray(np.zeros(shape, np.uint8)).save(tmp_path / f"a{suffix}")
    assert READER.recognises((tmp_path / f"a{suffix}").read_bytes()[:HEAD])


@pytest.mark.parametrize(
    "head", [b"", b"BM", b"BMW is a car maker in Munich", b"II*\0", b"\xff\xd8"]
)
def test_recognises_nothing_else(head):
    assert not READER.recognises(head)


def test_only_jpeg_is_lossy(tmp_path):
    for suffix in READER.suffixes:
        Pillow.fromarray(np.zeros((6, 5), np.uint8)).save(tmp_path / f"a{suffix}")
        assert READER.read(tmp_path / f"a{suffix}").lossy == (suffix in (".jpg", ".jpeg"))


def test_frames_of_a_gif_are_told_apart(tmp_path):
    grey = (np.arange(1200).reshape(40, 30) % 240).astype(np.uint8)
    frames = [Pillow.fromarray(grey), Pillow.fromarray(grey[::-1])]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageReadError, match=r"a\.gif: holds several planes.*--z 0\.\.1"):
        read_image(tmp_path / "a.gif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.gif", z=1).pixels, grey[::-1])
