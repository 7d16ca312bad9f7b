import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy import ndimage

from nucseg_tf.families.mask_rcnn import stitch as module
from nucseg_tf.families.mask_rcnn.stitch import Detections
from nucseg_tf.imaging.window import Window

stitch = partial(module.stitch, same=0.3)
SHAPE = (40, 60)
WHOLE = (0, 0, 40, 60)
LEFT, RIGHT = (0, 0, 40, 36), (0, 24, 40, 60)  # columns 24 to 36 are in both


def tile(place, *found, masks=None) -> Detections:
    """Detections (box, score) that fill their boxes, unless masks are given."""
    if masks is None:
        masks = np.ones((len(found), 4, 4))
    return Detections(
        boxes=np.array([box for box, _ in found], np.float32).reshape(-1, 4),
        scores=np.array([score for _, score in found], np.float32),
        masks=np.array(masks, np.float32),
        tile=place,
    )


def draw(*boxes, shape=SHAPE) -> np.ndarray:
    labels = np.zeros(shape, np.int32)
    for label, (y0, x0, y1, x1) in enumerate(boxes, start=1):
        labels[y0:y1, x0:x1] = label
    return labels


def check(parts, labels, scores, **settings) -> None:
    """Stitching gives these labels and scores, in whatever order the parts come."""
    for order in itertools.permutations(parts):
        found = stitch(order, Window.whole(SHAPE), **settings)
        np.testing.assert_array_equal(found.labels, labels)
        np.testing.assert_array_equal(found.scores, np.array(scores, np.float32))
        assert found.labels.dtype == np.int32
        assert found.scores.dtype == np.float32


# --- one nucleus in several tiles --------------------------------------------------------------


def test_nucleus_in_two_tiles_is_taken_from_the_one_with_the_higher_score():
    first, second = (10, 27, 18, 33), (10, 26, 17, 33)
    check([tile(LEFT, (first, 0.7)), tile(RIGHT, (second, 0.9))], draw(second), [0.9])


def test_of_equal_scores_the_one_further_from_the_edge_is_taken():
    first, second = (10, 26, 18, 31), (10, 27, 18, 31)  # 5 px from 36, 3 px from 24
    check([tile(LEFT, (first, 0.8)), tile(RIGHT, (second, 0.8))], draw(first), [0.8])


def test_nucleus_in_four_tiles():
    tiles = [(y, x, y + 26, x + 36) for y in (0, 14) for x in (0, 24)]
    box = (17, 27, 23, 33)
    parts = [
        tile(place, (box, score)) for place, score in zip(tiles, (0.6, 0.9, 0.7, 0.8), strict=True)
    ]
    check(parts, draw(box), [0.9])


def test_whole_nucleus_is_preferred_to_its_pieces():
    box = (10, 30, 18, 44)
    piece = (10, 30, 18, 36)
    check([tile(LEFT, (piece, 0.99)), tile(RIGHT, (box, 0.6))], draw(box), [0.6])


def test_a_sliver_is_ignored_even_where_it_has_nothing_in_common_with_its_nucleus():
    box = (10, 8, 18, 24)
    check([tile(LEFT, (box, 0.6)), tile(RIGHT, ((10, 24, 18, 27), 0.9))], draw(box), [0.6])
    check([tile(LEFT), tile(RIGHT, ((10, 25, 18, 27), 0.9))], draw(), [])
    deeper = (10, 24, 18, 28)
    parts = [tile(LEFT, (box, 0.6)), tile(RIGHT, (deeper, 0.9))]
    check(parts, draw(box, deeper), [0.6, 0.9])


def test_small_nuclei_away_from_edges_are_no_slivers():
    boxes = (0, 27, 2, 29), (20, 31, 22, 34)
    check([tile(LEFT, *((box, 0.6) for box in boxes)), tile(RIGHT)], draw(*boxes), [0.6, 0.6])


def test_a_pixel_from_the_edge_of_a_tile_is_cut():
    left, right = (10, 28, 18, 35), (10, 28, 18, 36)
    check([tile(LEFT, (left, 0.9)), tile(RIGHT, (right, 0.5))], draw(right), [0.5])
    two_away = (10, 28, 18, 34)
    check([tile(LEFT, (two_away, 0.9)), tile(RIGHT, (right, 0.5))], draw(two_away), [0.9])


@pytest.mark.parametrize(
    "box", [(0, 26, 8, 33), (32, 26, 40, 33), (10, 0, 18, 33), (10, 27, 18, 60)]
)
def test_edge_of_the_image_cuts_nothing(box):
    # The other tile's nucleus is 2 px away from that edge, and whole if the first is not.
    other = (max(box[0], 2), max(box[1], 2), min(box[2], 38), min(box[3], 58))
    check([tile(WHOLE, (box, 0.9)), tile(WHOLE, (other, 0.8))], draw(box), [0.9])


def test_equal_ones_do_not_depend_on_the_order():
    first, second = (10, 27, 18, 32), (10, 28, 18, 33)  # both 4 px from an edge
    check([tile(LEFT, (first, 0.8)), tile(RIGHT, (second, 0.8))], draw(first), [0.8])


def test_rows_are_cut_like_columns():
    top, bottom = (0, 0, 24, 60), (12, 0, 40, 60)
    box, piece = (16, 40, 30, 48), (16, 40, 24, 48)
    check([tile(top, (piece, 0.99)), tile(bottom, (box, 0.6))], draw(box), [0.6])


def test_pieces_of_a_nucleus_larger_than_the_overlap_are_united():
    left, right = (10, 20, 18, 36), (10, 24, 18, 42)
    check(
        [tile(LEFT, (left, 0.6)), tile(RIGHT, (right, 0.9))],
        draw((10, 20, 18, 42)),
        [0.9],
    )


def test_pieces_of_a_nucleus_larger_than_a_tile_are_united():
    tiles = [(y, x, y + 20, x + 24) for y in (0, 10, 20) for x in (0, 12, 24, 36)]
    box = np.array((6, 9, 35, 52))
    parts = []
    for number, place in enumerate(tiles):
        piece = (*np.maximum(box, place)[:2], *np.minimum(box, place)[2:])
        parts.append(tile(place, (piece, 0.5 + 0.01 * number)))
    for order in (parts, parts[::-1], parts[5:] + parts[:5]):
        found = stitch(order, Window.whole(SHAPE))
        np.testing.assert_array_equal(found.labels, draw(box))
        np.testing.assert_array_equal(found.scores, np.array([0.61], np.float32))


def test_piece_that_no_other_tile_saw_is_kept():
    box = (10, 30, 18, 36)
    check([tile(LEFT, (box, 0.7)), tile(RIGHT)], draw(box), [0.7])


# --- neighbours --------------------------------------------------------------------------------


def test_touching_nuclei_in_the_overlap_stay_two():
    boxes = (10, 26, 18, 30), (10, 30, 18, 34)
    left = tile(LEFT, *zip(boxes, (0.9, 0.6), strict=True))
    right = tile(RIGHT, *zip(boxes, (0.7, 0.8), strict=True))
    check([left, right], draw(*boxes), [0.9, 0.8])


@pytest.mark.parametrize("score", [0.5, 0.7, 0.95])
def test_two_that_the_other_tile_took_for_one_stay_two(score):
    boxes = (10, 26, 18, 30), (10, 30, 18, 34)
    both = (10, 26, 18, 34)
    left = tile(LEFT, *zip(boxes, (0.9, 0.6), strict=True))
    check([left, tile(RIGHT, (both, score))], draw(*boxes), [0.9, 0.6])


def test_two_that_their_own_tile_took_for_one_as_well_stay_two():
    boxes = (10, 6, 18, 10), (10, 10, 18, 14)
    found = zip((*boxes, (10, 6, 18, 14)), (0.7, 0.6, 0.9), strict=True)
    check([tile(LEFT, *found)], draw(*boxes), [0.7, 0.6])


def test_of_a_nucleus_found_twice_in_a_tile_the_better_stays():
    found = ((10, 6, 18, 14), 0.9), ((11, 7, 19, 18), 0.8)
    check([tile(LEFT, *found)], draw((10, 6, 18, 14)), [0.9])


def test_what_is_outside_the_area_limits_takes_no_place():
    nucleus, speck, patch = (10, 28, 18, 33), (12, 29, 14, 31), (8, 26, 30, 34)
    parts = [tile(LEFT, (nucleus, 0.7)), tile(RIGHT, (speck, 0.9), (patch, 0.8))]
    check(parts, draw(nucleus), [0.7], min_area=5, max_area=100)


def test_a_piece_that_was_given_up_is_not_united():
    # The right tile's piece belongs to the left one's nucleus, and agrees with another piece.
    whole, piece, other = (10, 18, 18, 30), (10, 24, 20, 30), (15, 20, 23, 34)
    middle = (0, 20, 40, 50)
    parts = [
        tile(LEFT, (whole, 0.9)),
        tile(RIGHT, (piece, 0.95)),
        tile(middle, (other, 0.7)),
    ]
    check(parts, np.where(draw(whole), 1, 2 * draw(other)), [0.9, 0.7])


def test_two_pieces_of_one_tile_are_not_united_through_a_third():
    # The right tile takes both for one; it is united with the piece it agrees with more.
    pieces = (10, 20, 18, 36), (18, 20, 24, 36)
    merged = (10, 24, 24, 42)
    parts = [tile(LEFT, *zip(pieces, (0.8, 0.9), strict=True)), tile(RIGHT, (merged, 0.7))]
    labels = draw((10, 24, 24, 42), pieces[0], pieces[1])
    check(parts, np.where(labels == 3, 2, np.minimum(labels, 1)), [0.8, 0.9])


def test_a_speck_is_no_reason_to_give_up_a_large_piece():
    left, right = (10, 20, 18, 36), (10, 24, 18, 42)
    speck = (12, 28, 14, 30)
    parts = [tile(LEFT, (left, 0.6)), tile(RIGHT, (right, 0.9), (speck, 0.55))]
    check(parts, draw((10, 20, 18, 42)), [0.9])


def test_a_piece_with_another_nucleus_in_it_is_not_given_up():
    # The right tile cannot tell the end of one nucleus, columns 24 to 27, from the next one.
    first, second = (10, 18, 18, 27), (10, 24, 18, 40)
    parts = [tile(LEFT, (first, 0.9)), tile(RIGHT, (second, 0.8))]
    check(parts, draw((10, 18, 18, 27), (10, 27, 18, 40)), [0.9, 0.8])


def test_neighbours_cut_by_edges_of_two_tiles_are_not_united():
    # They share a row of the 8 that both tiles see of the lower one.
    left, right = (10, 20, 18, 36), (17, 24, 25, 42)
    labels = draw((17, 24, 25, 42), left)
    check(
        [tile(LEFT, (left, 0.9)), tile(RIGHT, (right, 0.8))],
        np.where(labels, 3 - labels, 0),
        [0.9, 0.8],
    )


# --- pixels ------------------------------------------------------------------------------------


def test_overlap_goes_to_the_higher_score():
    first, second = (5, 5, 15, 15), (10, 10, 20, 20)
    labels = draw(first, second)
    check([tile(WHOLE, (first, 0.6), (second, 0.9))], labels, [0.6, 0.9])
    labels[10:15, 10:15] = 1
    check([tile(WHOLE, (first, 0.9), (second, 0.6))], labels, [0.9, 0.6])


def test_nucleus_painted_over_is_gone():
    box, last = (5, 5, 15, 15), (20, 5, 25, 15)
    parts = [tile(WHOLE, ((6, 6, 9, 9), 0.6), (last, 0.5), (box, 0.9))]
    check(parts, draw(box, last), [0.9, 0.5])


def test_largest_piece_is_kept():
    # A bar of columns 12 to 15 leaves 7 columns of the other on the left and 10 on the right.
    bar, other = (0, 12, 30, 15), (10, 5, 18, 25)
    labels = draw(bar, (10, 15, 18, 25))
    check([tile(WHOLE, (bar, 0.9), (other, 0.8))], labels, [0.9, 0.8])


def test_pieces_that_touch_at_a_corner_are_two():
    mask = np.kron([[1, 0], [0, 1]], np.ones((4, 4)))
    mask[:4, :1] = 0
    labels = draw((9, 14, 13, 18))
    check([tile(WHOLE, ((5, 10, 13, 18), 0.9), masks=[mask])], labels, [0.9])


def test_holes_are_filled_with_background_only():
    ring = np.ones((10, 10))
    ring[2:8, 2:8] = 0
    box = (5, 20, 15, 30)
    check([tile(WHOLE, (box, 0.9), masks=[ring])], draw(box), [0.9])
    inner = (7, 22, 13, 28)
    parts = [tile(WHOLE, (box, 0.9), masks=[ring]), tile(RIGHT, (inner, 0.4))]
    check(parts, draw(box, inner), [0.9, 0.4])


def test_area_limits():
    boxes = [(2, 2, 4, 5), (2, 10, 6, 14), (10, 10, 20, 20)]  # 6, 16, 100 px
    parts = [tile(WHOLE, *zip(boxes, (0.7, 0.8, 0.9), strict=True))]
    check(parts, draw(*boxes), [0.7, 0.8, 0.9], min_area=6, max_area=100)
    check(parts, draw(*boxes[1:]), [0.8, 0.9], min_area=7)
    check(parts, draw(*boxes[:2]), [0.7, 0.8], max_area=99)
    check(parts, draw(boxes[1]), [0.8], min_area=7, max_area=99)
    check(parts, draw(), [], min_area=101)


def test_what_is_too_small_leaves_no_hole():
    box, speck = (10, 10, 20, 20), (14, 14, 16, 16)
    check([tile(WHOLE, (box, 0.8), (speck, 0.9))], draw(box), [0.8], min_area=5)


def test_labels_are_in_reading_order():
    boxes = [(3, 40, 9, 46), (4, 2, 9, 8), (4, 20, 9, 26), (20, 0, 24, 4)]
    mixed = [(boxes[i], 0.1 * i + 0.5) for i in (2, 3, 0, 1)]
    check([tile(WHOLE, *mixed)], draw(*boxes), [0.5, 0.6, 0.7, 0.8])


def test_single_pixels():
    boxes = [(0, 0, 1, 1), (5, 30, 6, 31), (39, 59, 40, 60)]
    left = tile(LEFT, (boxes[0], 0.5), (boxes[1], 0.6))
    right = tile(RIGHT, (boxes[1], 0.7), (boxes[2], 0.8))
    check([left, right], draw(*boxes), [0.5, 0.7, 0.8])


def test_nothing():
    empty = draw()
    check([], empty, [])
    check([tile(LEFT), tile(RIGHT)], empty, [])
    beyond = [((3, 70, 9, 80), 0.9), ((-9, 2, -1, 8), 0.9), ((9, 9, 9, 12), 0.9)]
    check([tile(WHOLE, *beyond, ((np.nan, 1, 2, 3), 0.9))], empty, [])


def test_boxes_beyond_the_image_are_cut():
    check([tile(WHOLE, ((-3, 50, 5, 66), 0.9))], draw((0, 50, 5, 60)), [0.9])


# --- random fields -----------------------------------------------------------------------------


def ellipses(shape, radii, count, rng) -> np.ndarray:
    """Ellipses that may touch but do not overlap; (H, W) int32."""
    labels, (rows, columns) = np.zeros(shape, np.int32), np.indices(shape)
    for _ in range(count):
        y, x, angle = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(0, np.pi)
        a, b = np.sort(rng.uniform(*radii, 2))
        along = (rows - y) * np.sin(angle) + (columns - x) * np.cos(angle)
        across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
        inside = (along / b) ** 2 + (across / a) ** 2 <= 1
        if inside.sum() > 4 and not labels[inside].any():
            labels[inside] = labels.max() + 1
    return labels


def look(labels, place, rng, cells=28) -> Detections:
    """What a perfect network finds in a tile: boxes to fractions of a pixel, masks in a grid.

    Masks hold the signed distance to the outline, so that resampling them moves it little.
    """
    y0, x0, y1, x1 = place
    boxes, masks, origin = [], [], np.array([y0, x0])
    for label in np.unique(labels[y0:y1, x0:x1]):
        if label == 0:
            continue
        inside = labels == label
        distance = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
        distance -= np.sign(distance) / 2
        rows, columns = np.nonzero(inside[y0:y1, x0:x1])
        low = np.array([rows.min(), columns.min()]) - rng.uniform(0, 0.9, 2)
        high = np.array([rows.max(), columns.max()]) + 1 + rng.uniform(0, 0.9, 2)
        low = np.maximum(low + origin, origin)
        high = np.minimum(high + origin, (y1, x1))
        steps = (np.arange(cells) + 0.5) / cells
        at = [lo + (hi - lo) * steps - 0.5 for lo, hi in zip(low, high, strict=True)]
        grid = np.meshgrid(*at, indexing="ij")
        sampled = ndimage.map_coordinates(distance, grid, order=1, mode="nearest")
        boxes.append([*low, *high])
        masks.append(np.clip(0.5 + sampled / 40, 0, 1))
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        rng.uniform(0.5, 1, len(boxes)).astype(np.float32),
        np.array(masks, np.float32).reshape(-1, cells, cells),
        place,
    )


def tiles_of(shape, size, overlap) -> list[tuple[int, int, int, int]]:
    starts = [
        [*range(0, max(1, length - size), size - overlap), max(0, length - size)]
        for length in shape
    ]
    return [
        (y, x, min(y + size, shape[0]), min(x + size, shape[1]))
        for y, x in itertools.product(*(sorted(set(axis)) for axis in starts))
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("size", "overlap", "radii"),
    [
        (64, 32, (2, 12)),
        (80, 24, (3, 10)),
        (64, 16, (6, 20)),  # larger than the overlap
        (48, 16, (15, 50)),  # larger than a tile
        (300, 32, (2, 25)),  # one tile
    ],
)
def test_tiles_of_a_field_give_the_field(size, overlap, radii, seed):
    rng = np.random.default_rng(seed)
    truth = ellipses((130, 190), radii, 120, rng)
    parts = [look(truth, place, rng) for place in tiles_of(truth.shape, size, overlap)]
    found = stitch(parts, Window.whole(truth.shape))
    assert truth.max() > 1
    assert len(found.scores) == found.labels.max() == truth.max()
    names = [np.bincount(truth[found.labels == i]).argmax() for i in range(1, truth.max() + 1)]
    assert sorted(names) == list(range(1, truth.max() + 1))
    # Nothing but the outlines may differ: by a pixel.
    same = ndimage.minimum_filter(truth, 3) == ndimage.maximum_filter(truth, 3)
    renamed = np.array([0, *names])[found.labels]
    np.testing.assert_array_equal(renamed[same], truth[same])
    assert (renamed != truth).mean() < 0.01

    shuffled = stitch([parts[i] for i in rng.permutation(len(parts))], Window.whole(truth.shape))
    np.testing.assert_array_equal(shuffled.labels, found.labels)
    np.testing.assert_array_equal(shuffled.scores, found.scores)


def test_outlines_that_differ_from_tile_to_tile_make_no_nuclei():
    rng = np.random.default_rng(7)
    truth = ellipses((130, 190), (5, 12), 120, rng)
    parts = []
    for place in tiles_of(truth.shape, 64, 32):
        part = look(truth, place, rng)
        moved = rng.normal(0, 0.5 / 40, (len(part.scores), 1, 1))  # by half a pixel or so
        parts.append(replace(part, masks=(part.masks + moved).astype(np.float32)))
    assert len(stitch(parts, Window.whole(truth.shape)).scores) == truth.max()
