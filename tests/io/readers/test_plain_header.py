"""Sizes by headers are those of what OpenCV decodes."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from nucseg_tf.io.readers.plain_header import claimed

WRITTEN = [(".png", 1), (".png", 3), (".png", 4), (".jpg", 1), (".jpg", 3), (".gif", 3)]


@pytest.mark.parametrize(
    ("suffix", "samples"), [*WRITTEN, (".bmp", 1), (".bmp", 3), (".bmp", 4), (".gif", 4)]
)
def test_headers_say_what_is_decoded(suffix, samples):
    pixels = np.zeros((13, 29, samples), np.uint8)
    content = cv2.imencode(suffix, pixels)[1].tobytes()
    (frames, height, width, most), itemsize = claimed(content)
    assert (frames, height, width, itemsize) == (1, 13, 29, 1)
    assert most >= cv2.imdecode(np.frombuffer(content, np.uint8), -1).reshape(13, 29, -1).shape[2]


def test_sixteen_bits():
    content = cv2.imencode(".png", np.zeros((13, 29, 3), np.uint16))[1].tobytes()
    assert claimed(content) == ((1, 13, 29, 3), 2)


def test_frames_of_a_gif_are_counted():
    frames = [Image.fromarray(np.full((13, 29), n, np.uint8)) for n in (0, 90, 180)]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    assert claimed(stream.getvalue())[0] == (3, 13, 29, 4)


def test_a_jpeg_with_a_thumbnail_in_it_is_as_large_as_itself():
    inner = cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1].tobytes()
    outer = cv2.imencode(".jpg", np.zeros((13, 29), np.uint8))[1].tobytes()
    note = b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner
    assert claimed(outer[:2] + note + outer[2:])[0] == (1, 13, 29, 1)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".gif"])
def test_what_is_cut_short_is_empty_or_as_large(suffix):
    content = cv2.imencode(suffix, np.zeros((13, 29, 3), np.uint8))[1].tobytes()
    for length in range(len(content)):
        assert claimed(content[:length])[0][1:3] in ((0, 0), (13, 29))
    assert claimed(b"anything")[0] == (0, 0, 0, 0)
