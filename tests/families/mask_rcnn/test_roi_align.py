import itertools

import numpy as np
import pytest
import tensorflow as tf
from reference.naive_boxes import naive_level, naive_roi_align

from nucseg_tf.families.mask_rcnn.roi_align import levels_of, roi_align

FAR = 1e6  # px, finest_size by which every box is read from the finest level


def plane(height: int, width: int) -> np.ndarray:
    """One channel, 10 a row and 1 a column: bilinear sampling is exact on it."""
    rows, columns = np.indices((height, width))
    return (10.0 * rows + columns)[None, ..., None].astype(np.float32)


def align(feature, box, cells=1, samples=1, stride=1) -> np.ndarray:
    """One box of one level, one channel."""
    rois = np.array([[box]], np.float32)
    return np.asarray(roi_align([feature], rois, (stride,), cells, samples, FAR))[0, 0, ..., 0]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 1, 1), 0),  # pixel 0 has its middle at 0.5 px
        ((1, 2, 2, 3), 12),
        ((0, 0, 2, 3), 6),  # middle at (1, 1.5) px, between rows 0 and 1, in column 1
        ((0.25, 1, 1.25, 2), 3.5),  # a quarter of the way from row 0 to row 1
        ((0, 1.25, 1, 2.25), 1.25),
    ],
)
def test_middle_of_a_box_by_hand(box, expected):
    assert align(plane(2, 3), box) == pytest.approx(expected)


def test_cells_by_hand():
    # 1 px high, 2 px wide: middles of cells at rows 0.75 and 1.25 px, columns 1 and 2 px.
    found = align(plane(2, 3), (0.5, 0.5, 1.5, 2.5), cells=2)
    np.testing.assert_allclose(found, [[2.5 + 0.5, 2.5 + 1.5], [7.5 + 0.5, 7.5 + 1.5]])


def test_a_cell_is_the_mean_of_its_samples():
    spike = np.zeros((1, 4, 5, 1), np.float32)
    spike[0, 1, 2] = 1
    box = (1, 2, 2, 4)
    # One sample at row 1.5, column 3 px: half of the way from the spike to the next column.
    assert align(spike, box) == pytest.approx(0.5)
    # Rows 1.25 and 1.75, each 0.25 from the spike; columns 2.5 (on it) and 3.5 (1 px away).
    assert align(spike, box, samples=2) == pytest.approx(np.mean([0.75, 0.75, 0, 0]))


def test_stride_divides_the_box():
    np.testing.assert_allclose(
        align(plane(6, 9), (4, 8, 20, 32), cells=3, samples=2, stride=4),
        align(plane(6, 9), (1, 2, 5, 8), cells=3, samples=2),
    )


def test_samples_beyond_the_map_take_its_edge():
    feature = plane(2, 3)
    assert align(feature, (-9, -9, -5, -7)) == 0  # torchvision: 0 as well, by chance
    assert align(feature, (5, 6, 9, 9)) == 12  # torchvision: 0
    assert align(feature, (-9, 1, -5, 2)) == 1
    assert align(feature, (0, 9, 1, 12)) == 2


BOXES = {
    "inside": [(3.3, 5.1, 17.9, 41.7), (8, 8, 16, 24), (0, 0, 24, 56), (2.5, 30, 21, 35)],
    "beyond the map": [(-9.5, -20, 5, 9), (15, 40, 60, 99), (-30, -30, -20, -10), (-5, 20, 50, 21)],
    "tiny": [(5, 5, 5, 5), (7.1, 9.3, 7.2, 9.4), (0, 55.9, 0.1, 56), (11, 3, 11, 30)],
}


@pytest.mark.parametrize(("cells", "samples"), [(1, 1), (3, 2), (4, 1), (2, 3)])
@pytest.mark.parametrize("kind", BOXES)
def test_equals_the_naive_one(kind, cells, samples):
    rng = np.random.default_rng(0)
    levels = [rng.normal(size=(2, 24 // s, 56 // s, 3)).astype(np.float32) for s in (2, 4, 8)]
    first = np.array(BOXES[kind], np.float32)
    rois = np.stack([first, first[::-1] + np.float32(0.7)])  # another order in the second image
    found = np.asarray(roi_align(levels, rois, (2, 4, 8), cells, samples, 10.0))
    assert found.shape == (2, 4, cells, cells, 3)
    for image, number in np.ndindex(2, 4):
        box = rois[image, number].astype(float)
        level = naive_level(box, 3, 10.0)
        expected = naive_roi_align(levels[level][image], box, 2 << level, cells, samples)
        np.testing.assert_allclose(found[image, number], expected, atol=2e-5)


def test_each_box_is_read_from_its_level_and_image():
    levels = [np.zeros((2, 64 // s, 128 // s, 1), np.float32) for s in (4, 8, 16)]
    for image, level in np.ndindex(2, 3):
        levels[level][image] = 10 * image + level
    box = [(0, 0, 5, 20), (3, 9, 23, 19), (0, 0, 60, 120), (1, 1, 3, 3)]  # roots 10, 14, 85, 2
    found = np.asarray(roi_align(levels, np.array([box, box], np.float32), (4, 8, 16), 2, 2, 12.0))
    np.testing.assert_array_equal(found[..., 0, 0, 0], [[0, 1, 2, 0], [10, 11, 12, 10]])
    assert (found == found[:, :, :1, :1]).all()


def test_levels_at_their_boundaries():
    sides = {  # height, width: level of four, the finest for roots below 56 px
        (56, 55.9): 0,
        (56, 56): 1,
        (14, 224): 1,
        (224, 14): 1,
        (112, 111.9): 1,
        (112, 112): 2,
        (28, 448): 2,
        (224, 223.9): 2,
        (224, 224): 3,
        (448, 448): 3,  # the coarsest goes on
        (5000, 9000): 3,
        (1, 1): 0,
        (0, 0): 0,
        (-3, 7): 0,
    }
    rois = np.array([[(7, 3, 7 + height, 3 + width) for height, width in sides]], np.float32)
    assert np.asarray(levels_of(rois, (4, 8, 16, 32), 56.0))[0].tolist() == list(sides.values())
    assert [naive_level(box, 4, 56.0) for box in rois[0].astype(float)] == list(sides.values())


def test_gradients_are_finite():
    rng = np.random.default_rng(1)
    levels = [tf.constant(rng.normal(size=(1, n, 2 * n, 2)), tf.float32) for n in (8, 4)]
    rois = tf.constant([[*itertools.chain(*BOXES.values())]], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([*levels, rois])
        total = tf.reduce_sum(roi_align(levels, rois, (4, 8), 3, 2, 10.0))
    gradients = tape.gradient(total, [*levels, rois])
    assert all(np.isfinite(np.asarray(tf.convert_to_tensor(found))).all() for found in gradients)
    # Shares of a sample add up to 1, so those of the maps to the number of values, over channels.
    total = sum(float(tf.reduce_sum(tf.convert_to_tensor(found))) for found in gradients[:2])
    assert total == pytest.approx(12 * 3 * 3 * 2, rel=1e-4)


def test_compiled_equals_eager():
    rng = np.random.default_rng(2)
    levels = [rng.normal(size=(2, n, 2 * n, 3)).astype(np.float32) for n in (8, 4)]
    rois = np.array([BOXES["inside"], BOXES["tiny"]], np.float32)
    expected = roi_align(levels, rois, (4, 8), 3, 2, 10.0)
    compiled = tf.function(lambda f, b: roi_align(f, b, (4, 8), 3, 2, 10.0), jit_compile=True)
    np.testing.assert_allclose(compiled(levels, rois), expected, atol=1e-5)
