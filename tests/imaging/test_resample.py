import cv2
import numpy as np
import pytest

from nucseg_tf.imaging.normalise import find_limits
from nucseg_tf.imaging.raster import Plain, Resized, Stretched, Turned, read_mirrored
from nucseg_tf.imaging.resample import needed, resample, scaled_shape
from nucseg_tf.imaging.symmetry import turn
from nucseg_tf.imaging.window import Window, blocks


def picture(shape=(111, 170), maps=0):
    size = (*shape, maps) if maps else shape
    return np.random.default_rng(0).random(size, np.float32)


@pytest.mark.parametrize("zoom", [0.13, 0.3, 0.77, 1.4, 3.1])
def test_the_same_as_opencv(zoom):
    image = picture()
    shape = scaled_shape(image.shape, zoom)
    found = Resized(Plain(image), shape).read(Window.whole(shape))
    kind = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    np.testing.assert_allclose(found, cv2.resize(image, shape[::-1], interpolation=kind), atol=1e-5)


@pytest.mark.parametrize("zoom", [0.3, 1, 2.2])
@pytest.mark.parametrize("side", [13, 40])
def test_windows_are_parts_of_the_whole_to_the_last_bit(zoom, side):
    image = Plain(picture())
    shape = scaled_shape(image.shape, zoom)
    whole = Resized(image, shape).read(Window.whole(shape))
    for block in blocks(shape, side):
        np.testing.assert_array_equal(Resized(image, shape).read(block), whole[block.slices])


@pytest.mark.parametrize("maps", [1, 2, 5])
@pytest.mark.parametrize("shape", [(111, 170), (60, 40), (300, 333)])
def test_maps_are_interpolated_linearly(maps, shape):
    raw = picture(maps=maps)
    whole = Window.whole(shape)
    of = needed(whole, raw.shape[:2], "linear")
    found = resample(raw[of.slices], of, whole, "linear")
    assert found.shape == (*shape, maps)
    expected = cv2.resize(raw, shape[::-1]).reshape(found.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("number", range(8))
def test_turned_windows(number):
    image = picture()
    whole = np.ascontiguousarray(turn(image, number))
    turned = Turned(Plain(image), number)
    assert turned.shape == whole.shape
    window = Window(10, 20, 50, 33, whole.shape)
    np.testing.assert_array_equal(turned.read(window), whole[window.slices])


def test_mirrored_at_the_edges_as_numpy_does():
    image = picture((7, 9))
    expected = np.pad(image, ((20, 30), (3, 4)), "symmetric")
    found = read_mirrored(Plain(image), range(-20, 37), range(-3, 13))
    np.testing.assert_array_equal(found, expected)
    beyond = read_mirrored(Plain(image), range(7, 14), range(9))  # all of it mirrored
    np.testing.assert_array_equal(beyond, image[::-1])


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.int16, np.float32, np.int32])
def test_limits_are_numpys_percentiles(kind):
    pixels = np.random.default_rng(0).gamma(2, 9, (40, 51)).astype(kind)
    assert find_limits(pixels, 1.3, 98.9) == pytest.approx(np.percentile(pixels, (1.3, 98.9)))
    if kind is not np.float32:
        assert find_limits(pixels, 1.3, 98.9) == tuple(np.percentile(pixels, (1.3, 98.9)))
    stretched = Stretched(pixels, find_limits(pixels)).read(Window.whole(pixels.shape))
    assert stretched.dtype == np.float32
