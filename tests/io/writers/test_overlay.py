from pathlib import Path

import cv2
import numpy as np
import pytest

from nucseg_tf.errors import LabelError
from nucseg_tf.io.pictures import COLOURS
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.overlay import WRITER, write_overlay
from nucseg_tf.types import Image, Instances


def test_overlay_colours_outlines_only(tmp_path):
    image = np.linspace(0, 60_000, 100, dtype=np.uint16).reshape(10, 10)
    labels = np.zeros((10, 10), np.int32)
    labels[1:6, 1:5] = 1
    labels[1:6, 5:9] = 2
    write_overlay(tmp_path / "a_overlay.png", image, labels)
    picture = cv2.imread(str(tmp_path / "a_overlay.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert picture.shape == (10, 10, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[1, 1], COLOURS[0])
    np.testing.assert_array_equal(picture[3, 4], COLOURS[0])
    np.testing.assert_array_equal(picture[3, 5], COLOURS[1])
    for row, column in [(0, 0), (3, 3), (9, 9)]:  # background and inside a nucleus
        assert len(set(picture[row, column])) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a_overlay.png"]


def test_shapes_must_agree(tmp_path):
    with pytest.raises(LabelError, match=r"a\.png.*\(4, 4\) and \(4, 5\)"):
        write_overlay(tmp_path / "a.png", np.zeros((4, 4)), np.zeros((4, 5), int))


def test_writer(tmp_path):
    assert WRITER.ending == "_overlay.png"
    labels = np.array([[0, 2, 1]], np.int32)
    found = Instances(labels, np.float32([0.5, 0.75]))
    WRITER.write(tmp_path / "a_overlay.png", Image(labels, None, Path("a.tif")), found, Table({}))
    picture = cv2.imread(str(tmp_path / "a_overlay.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    np.testing.assert_array_equal(picture[0, 1:], COLOURS[[1, 0]])
