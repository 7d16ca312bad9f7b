import numpy as np
import pytest

from nucseg_tf.imaging.shrink import shrink


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, ">u2", bool])
@pytest.mark.parametrize(("shape", "step"), [((9, 13), 1), ((9, 13), 3), ((10, 7), 4), ((2, 9), 3)])
def test_each_pixel_is_the_mean_of_a_square(dtype, shape, step):
    pixels = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    small = shrink(pixels, step)
    height, width = shape[0] // step, shape[1] // step
    assert small.shape == (height, width)
    for row in range(height):
        for column in range(width):
            square = pixels[row * step : (row + 1) * step, column * step : (column + 1) * step]
            assert abs(small[row, column] - square.mean(dtype=float)) <= 0.5
    assert small.dtype == (pixels.dtype if pixels.dtype in (np.uint8, np.uint16) else np.float32)
