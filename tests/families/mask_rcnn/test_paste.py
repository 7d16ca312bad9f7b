import cv2
import numpy as np
import pytest

from nucseg_tf.families.mask_rcnn.paste import Detections, Masks, paste, paste_one

SHAPE = (20, 30)
TILE = (0, 0, *SHAPE)


def one(box, mask, score=0.9) -> Detections:
    return Detections(
        np.array([box], np.float32),
        np.array([score], np.float32),
        np.array([mask], np.float32),
        TILE,
    )


def full(box, mask=((1, 1), (1, 1)), threshold=0.5, shape=SHAPE) -> np.ndarray:
    """The whole image, True where the mask is."""
    pixels, (y0, x0, y1, x1) = paste_one(box, np.array(mask, np.float32), shape, threshold)
    image = np.zeros(shape, bool)
    image[y0:y1, x0:x1] = pixels
    return image


def test_position_within_a_pixel_by_hand():
    # Rows 2.25 ... 6.25 hold 2 cells of 2 px. Row r has its centre at ((r + 0.5 - 2.25) / 4) * 2
    # - 0.5 cells: row 2 at -0.375, row 3 at 0.125, 4 at 0.625, 5 at 1.125. With cells 0 and 1 of
    # probability 0 and 1 the rows are 0, 0.125, 0.625, 1: held at the ends, linear between.
    # Columns 3 ... 6 are all the same.
    mask, box = [[0, 0], [1, 1]], (2.25, 3.0, 6.25, 6.0)
    for threshold, first in ((0.12, 3), (0.13, 4), (0.62, 4), (0.63, 5), (1.0, 5)):
        expected = np.zeros(SHAPE, bool)
        expected[first:6, 3:6] = True
        np.testing.assert_array_equal(full(box, mask, threshold), expected)


def test_columns_are_columns():
    # As above, turned: columns 2.25 ... 6.25.
    expected = np.zeros(SHAPE, bool)
    expected[3:6, 4:6] = True
    box = (3.0, 2.25, 6.0, 6.25)
    np.testing.assert_array_equal(full(box, [[0, 1], [0, 1]]), expected)


@pytest.mark.parametrize(("height", "width"), [(14, 9), (3, 28), (1, 1), (14, 1)])
def test_a_box_of_whole_pixels_is_resized_as_by_opencv(height, width):
    mask = np.random.default_rng(height).random((7, 7), np.float32)
    resized = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
    expected = np.zeros(SHAPE, bool)
    expected[4 : 4 + height, 2 : 2 + width] = resized >= 0.5
    found = full((4, 2, 4 + height, 2 + width), mask)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("box", "pixels"),
    [
        ((3, 5, 4, 6), [(3, 5)]),
        ((3.4, 5.4, 3.6, 5.6), [(3, 5)]),  # smaller than a pixel, around its centre
        ((3.6, 5.6, 4.4, 6.4), []),  # between centres
        ((3.5, 5.5, 4.5, 7.5), [(3, 5), (3, 6)]),  # half-open: 3.5 is in, 4.5 is not
        ((-7, -7, 1, 2), [(0, 0), (0, 1)]),
        ((19, 29, 1e9, 1e9), [(19, 29)]),
        ((20, 3, 25, 6), []),
        ((-9, 3, -2, 6), []),
        ((3, 30, 6, 35), []),
    ],
)
def test_pixels_whose_centres_are_in_the_box_and_the_image(box, pixels):
    assert [*zip(*(axis.tolist() for axis in np.nonzero(full(box))), strict=True)] == pixels


def test_a_box_beyond_the_image_keeps_its_place():
    # Columns -4 ... 4 hold 2 cells of 4 px, the first of them outside; so do rows 16 ... 24. The
    # cell with 1 weighs 1, 1, 7/8, 5/8 in rows 16 to 19, and 5/8, 7/8, 1, 1 in columns 0 to 3;
    # of the products only the corner's, 25/64, is below one half.
    expected = np.zeros(SHAPE, bool)
    expected[16:20, :4] = True
    expected[19, 0] = False
    np.testing.assert_array_equal(full((16, -4, 24, 4), [[0, 1], [0, 0]]), expected)


def test_pixels_are_cut_to_the_mask():
    mask = np.zeros((8, 8), np.float32)
    mask[2:5, 6] = 1
    pixels, bounds = paste_one((4, 10, 12, 18), mask, SHAPE, 0.5)
    assert bounds == (6, 16, 9, 17)
    assert pixels.shape == (3, 1)
    assert pixels.all()


@pytest.mark.parametrize(
    "bad",
    [
        one((np.nan, 2, 8, 9), np.ones((4, 4))),
        one((2, 2, np.inf, 9), np.ones((4, 4))),
        one((8, 2, 8, 9), np.ones((4, 4))),
        one((2, 9, 8, 2), np.ones((4, 4))),
        one((2, 2, 8, 9), np.full((4, 4), 0.4)),
        one((2, 2, 8, 9), [[1, np.nan], [1, 1]]),
        one((2, 2, 8, 9), np.ones((4, 4)), np.nan),
        one((40, 2, 48, 9), np.ones((4, 4))),
        Detections(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4, 4)), TILE),
    ],
)
def test_what_holds_no_nucleus_is_left_out(bad):
    good = one((2, 3, 6, 8), np.ones((4, 4)), 0.75)
    masks = paste([bad, good], SHAPE, 0.5)
    assert len(masks.pixels) == 1
    np.testing.assert_array_equal(masks.bounds, [[2, 3, 6, 8]])
    np.testing.assert_array_equal(masks.area, [20])
    np.testing.assert_array_equal(masks.part, [1])
    np.testing.assert_array_equal(masks.tile, [TILE])
    assert masks.score.tolist() == [0.75]
    assert paste([bad], SHAPE, 0.5).pixels == []


def test_no_parts():
    masks = paste([], SHAPE, 0.5)
    assert masks.pixels == []
    assert masks.tile.shape == masks.bounds.shape == (0, 4)


@pytest.mark.parametrize("window", [(0, 0, 20, 30), (3, 4, 6, 7), (5, 0, 9, 6), (9, 9, 2, 2)])
def test_crop_is_the_window_of_the_image(window):
    mask = np.arange(16).reshape(4, 4) % 3 == 0
    masks: Masks = paste([one((4, 3, 8, 7), mask)], SHAPE, 0.5)
    image = full((4, 3, 8, 7), mask)
    y0, x0, y1, x1 = window
    assert np.count_nonzero(masks.crop(0, window)) == image[y0:y1, x0:x1].sum()
