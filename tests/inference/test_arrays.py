"""Arrays go along the same stages as files: the same labels and rows, told of tile by tile."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from reference.bright_spots import spots
from scipy import ndimage

from nucseg_tf.errors import ImageReadError
from nucseg_tf.imaging.raster import Plain
from nucseg_tf.imaging.window import blocks
from nucseg_tf.inference.arrays import find_nuclei
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.values import Found, Predicted, Scaled
from nucseg_tf.inference.watched import StoppedError
from nucseg_tf.io.readers.base import RawImage
from nucseg_tf.types import Instances


class Bright:
    """What stands for a `Segmenter`: nuclei are what is not 0; tiles of 32 px."""

    network = SimpleNamespace(engine="keras")
    family = SimpleNamespace(tile=32, smaller_tile=lambda side: None)

    def check(self, options):
        pass

    def inverts(self, asked):
        return bool(asked)

    def stages(self, options, tile):
        def scale(image):
            return Scaled(image, Plain(image.pixels.astype(np.float32)))

        def network(scaled):
            seen = np.zeros(scaled.pixels.shape, np.float32)
            for window in blocks(seen.shape, 32):
                seen[window.slices] = scaled.pixels.read(window)
            return Predicted(scaled.image, seen)

        def decode(predicted):
            labels, count = ndimage.label(predicted.raw)
            scores = np.ones(count, np.float32)
            return Found(predicted.image, Instances(labels.astype(np.int32), scores))

        return [scale, network, decode]


def find(image, axes, watch=lambda share, title: True, **options):
    return find_nuclei(Bright(), RawImage(image, axes), "a", Options(**options), watch)


def test_a_plane():
    found = find(spots(), "YX")
    np.testing.assert_array_equal(found.labels > 0, spots() > 0)
    assert found.labels.dtype == np.int32
    assert found.table["area_px"].tolist() == [64, 64]
    assert found.table["image"].tolist() == ["a", "a"]


@pytest.mark.parametrize("axes", ["TZYX", "ZTYX"])
def test_each_plane_of_t_and_z(axes):
    image = spots(2, 3)
    image[1, 2, 50:60, 50:60] = 9
    found = find(image, axes, t="each", z="each")
    right = image if axes == "TZYX" else image.swapaxes(0, 1)
    np.testing.assert_array_equal(found.labels > 0, right > 0)
    assert len(found.table) == 13
    assert set(found.table) >= {"t", "z"}


def test_planes_are_linked():
    found = find(spots(3), "ZYX", z="each", link=True)
    assert np.unique(found.labels).tolist() == [0, 1, 2]
    assert found.table["label"].tolist() == [1, 2] * 3


def test_a_choice_that_is_missing_is_said():
    with pytest.raises(ImageReadError, match=r"a: holds several planes.*--z 0\.\.2"):
        find(spots(3), "ZYX")


def test_each_tile_is_told_of_before_it_is_read():
    shares = []
    find(spots(2), "ZYX", lambda share, title: not shares.append(share), z="each")
    assert shares == sorted(shares)
    assert {0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0} <= set(shares)


@pytest.mark.parametrize("after", [0, 1, 3, 6, 9])
def test_it_can_be_stopped_anywhere(after):
    asked = []

    def watch(share, title):
        asked.append(share)
        return len(asked) <= after

    with pytest.raises(StoppedError):
        find(spots(2), "ZYX", watch, z="each")
    assert len(asked) == after + 1


def test_no_nucleus():
    found = find(np.zeros((2, 40, 50), np.uint8), "TYX", t="each")
    assert (found.labels.shape, len(found.table)) == ((2, 40, 50), 0)
