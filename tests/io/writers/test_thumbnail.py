from pathlib import Path

import cv2
import numpy as np
import pytest

from nucseg_tf.errors import LabelError
from nucseg_tf.imaging import scratch
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.thumbnail import COLOUR, WRITER, write_thumbnail
from nucseg_tf.types import Image, Instances


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1].astype(int)


def field(shape=(500, 1001), dtype=np.uint16):
    """A bright square nucleus in the upper left quarter."""
    labels = np.zeros(shape, np.int32)
    labels[100:220, 130:340] = 1
    return (labels * 100 + 50).astype(dtype), labels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2", np.float64, np.int32])
def test_outlines_lie_where_nuclei_are(tmp_path, dtype):
    image, labels = field(dtype=dtype)
    write_thumbnail(tmp_path / "a_thumbnail.jpg", image, labels)
    picture = read(tmp_path / "a_thumbnail.jpg")
    assert picture.shape == (159, 320, 3)
    scale = 320 / 1001
    grey, colour = picture.mean(axis=2), picture[..., 0] - picture[..., 2]  # red less blue
    inside = round(160 * scale), round(230 * scale)
    assert grey[inside] > 200
    assert abs(colour[inside]) < 40
    assert grey[round(400 * scale), round(800 * scale)] < 20
    left = colour[inside[0], : inside[1]]
    assert abs(int(left.argmax()) - 130 * scale) <= 1.5
    assert left.max() > 0.2 * (COLOUR[0] - COLOUR[2])  # JPEG spreads colours
    assert [path.name for path in tmp_path.iterdir()] == ["a_thumbnail.jpg"]


def test_small_images_keep_their_size(tmp_path):
    image, labels = field((250, 320))
    write_thumbnail(tmp_path / "a.jpg", image[:, :300], labels[:, :300])
    assert read(tmp_path / "a.jpg").shape == (250, 300, 3)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 2), (1, 1)])
def test_odd_shapes(tmp_path, shape):
    write_thumbnail(tmp_path / "a.jpg", np.zeros(shape, np.uint8), np.zeros(shape, np.int32))
    assert max(read(tmp_path / "a.jpg").shape[:2]) == min(320, max(shape))


def test_strips_are_like_the_whole(tmp_path, monkeypatch):
    image, labels = field((960, 1280))
    write_thumbnail(tmp_path / "whole.jpg", image, labels)
    monkeypatch.setattr(scratch, "STRIP", 240 * 1280)
    write_thumbnail(tmp_path / "strips.jpg", image, labels)
    np.testing.assert_array_equal(read(tmp_path / "whole.jpg"), read(tmp_path / "strips.jpg"))


def test_it_is_a_small_file(tmp_path):
    rng = np.random.default_rng(0)
    image = rng.poisson(100, (1000, 1000)).astype(np.uint16)
    labels = np.kron(np.arange(1, 401).reshape(20, 20), np.ones((50, 50), int)).astype(np.int32)
    write_thumbnail(tmp_path / "a.jpg", image, labels)
    assert (tmp_path / "a.jpg").stat().st_size < 60_000


def test_shapes_must_agree(tmp_path):
    with pytest.raises(LabelError, match=r"a\.jpg.*\(4, 4\) and \(4, 5\)"):
        write_thumbnail(tmp_path / "a.jpg", np.zeros((4, 4)), np.zeros((4, 5), int))


def test_writer(tmp_path):
    image, labels = field((20, 30))
    found = Instances(labels, np.float32([]))
    path = tmp_path / f"a{WRITER.ending}"
    WRITER.write(path, Image(image, None, Path("a.tif")), found, Table({}))
    assert path.name == "a_thumbnail.jpg"
    assert read(path).shape == (20, 30, 3)
