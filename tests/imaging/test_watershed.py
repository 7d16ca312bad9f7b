from __future__ import annotations

import numpy as np
import pytest
from reference.drawn import draw
from scipy import ndimage
from skimage import segmentation

from nucseg_tf.imaging.watershed import watershed


def flooded(landscape: np.ndarray, markers: np.ndarray) -> np.ndarray:
    labels = markers.copy()
    watershed(landscape, labels)
    return labels


def scene(seed: int, sigma: float, share: float, shape=(90, 130)) -> tuple[np.ndarray, np.ndarray]:
    """A landscape of hills of a width, and markers on a share of it, -1 among them."""
    rng = np.random.default_rng(seed)
    landscape = ndimage.gaussian_filter(rng.normal(size=shape), sigma).astype(np.float32)
    basins = ndimage.gaussian_filter(rng.normal(size=shape), 4)
    markers, _ = ndimage.label(basins > np.quantile(basins, 1 - share))
    markers[markers == 1] = -1
    return landscape, markers.astype(np.int32)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
@pytest.mark.parametrize("sigma", [0.0, 1.0, 3.0])  # from pits everywhere to hardly any
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_watershed_of_scikit_image(seed, sigma, share):
    landscape, markers = scene(seed, sigma, share)
    expected = segmentation.watershed(landscape, markers)
    np.testing.assert_array_equal(flooded(landscape, markers), expected)


@pytest.mark.parametrize("seed", range(3))
def test_flat_parts_are_shared_out_as_by_scikit_image(seed):
    landscape, markers = scene(seed, 2.0, 0.3)
    # Markers differ in height, for their order among equals is no rule but chance.
    landscape = np.where(markers == 0, np.round(landscape * 20) / 20, landscape - 9)
    landscape = landscape.astype(np.float32)
    expected = segmentation.watershed(landscape, markers)
    np.testing.assert_array_equal(flooded(landscape, markers), expected)


@pytest.mark.parametrize(
    "heights",
    [
        [1, 4, 5, 3, 8, 0],  # 5 lies beside 4 and 3, but nothing comes up from 3 before 5 does
        [1, 5, 3, 3, 6, 0],  # a flat pit
        [1, 2, 3, 4, 5, 0],
    ],
)
def test_pits_fill_over_their_lowest_edge(heights):
    markers = np.array([[1, 0, 0, 0, 0, 2]], np.int32)
    assert flooded(np.array([heights], np.float32), markers).tolist() == [[1, 1, 1, 1, 2, 2]]


def test_a_piece_beside_one_marker_is_its_own():
    markers = draw("""
        111222
        1..2..
        1..222
    """)
    landscape = np.random.default_rng(0).random(markers.shape).astype(np.float32)
    found = flooded(landscape, markers)
    assert (found[1, 4:] == 2).all()
    np.testing.assert_array_equal(found, segmentation.watershed(landscape, markers))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (4, 5)])
def test_without_markers_and_with_nothing_else(shape):
    landscape = np.random.default_rng(0).random(shape).astype(np.float32)
    assert not flooded(landscape, np.zeros(shape, np.int32)).any()
    assert (flooded(landscape, np.full(shape, 3, np.int32)) == 3).all()


def test_pieces_of_all_sizes_lie_side_by_side():
    """Pits of very different extent, at the image's edges too, go through one small image."""
    rng = np.random.default_rng(4)
    markers = rng.integers(1, 6, (120, 90)).astype(np.int32)
    for top, left, height, width in (
        (0, 0, 3, 60),
        (20, 5, 90, 4),
        (40, 30, 30, 30),
        (119, 70, 1, 9),
    ):
        markers[top : top + height, left : left + width] = 0
    landscape = rng.random(markers.shape).astype(np.float32)
    expected = segmentation.watershed(landscape, markers)
    np.testing.assert_array_equal(flooded(landscape, markers), expected)
