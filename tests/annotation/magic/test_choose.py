"""The outline that agrees best, free of neighbours, not at odds with the light."""

from __future__ import annotations

import numpy as np
from reference.bright import Bright, Cut, disk

from nucseg_tf.annotation.magic.choose import best, choose, outlines_at, overlap, variants
from nucseg_tf.imaging.window import Window
from nucseg_tf.inference.stages.values import Predicted
from nucseg_tf.types import Image

SHAPE = (40, 50)
FREE = np.zeros(SHAPE, bool)
PLACE = (20, 20)
SMALL, USUAL, LARGE = (disk(SHAPE, *PLACE, radius) for radius in (4, 8, 9))


def test_thresholds_go_to_both_ends_of_the_grid_one_at_a_time():
    tried = list(variants(Bright(), Cut(min_area=12, max_area=50)))
    assert [each.level for each in tried] == [0.5, 0.2, 0.9]
    assert {(each.min_area, each.max_area) for each in tried} == {(0, 0)}


def predicted(levels: dict[float, np.ndarray]) -> Predicted:
    raw = np.zeros(SHAPE, np.float32)
    for level, mask in sorted(levels.items()):
        raw[mask] = level
    return Predicted(Image(raw, None, "array"), raw)


def test_a_nucleus_that_the_usual_thresholds_miss_is_found():
    maps = predicted({0.3: USUAL})
    found = outlines_at(Bright(), Cut(), maps, Window.whole(SHAPE), PLACE, None)
    assert len(found) == 1
    assert np.array_equal(found[0], USUAL)


def test_no_more_thresholds_are_tried_once_light_and_model_agree():
    maps = predicted({0.3: LARGE, 0.6: USUAL, 0.95: SMALL})
    window = Window.whole(SHAPE)
    assert len(outlines_at(Bright(), Cut(), maps, window, PLACE, None)) == 3
    (found,) = outlines_at(Bright(), Cut(), maps, window, PLACE, USUAL)
    assert np.array_equal(found, USUAL)


def test_the_best_has_the_largest_sum_of_iou():
    outlines = [SMALL, LARGE, USUAL]
    sums = [sum(overlap(one, other) for other in outlines) for one in outlines]
    assert best(outlines) is outlines[int(np.argmax(sums))] is USUAL
    assert best([USUAL, USUAL.copy()]) is not None


def test_an_outline_is_cut_to_what_is_free_and_hangs_together_with_the_click():
    taken = FREE.copy()
    taken[:, 24:26] = True
    found = choose([USUAL], None, PLACE, taken)
    assert np.array_equal(found, USUAL & (np.arange(SHAPE[1]) < 24))


def test_an_outline_that_is_mostly_of_another_nucleus_is_none():
    taken = np.arange(SHAPE[1])[None] + FREE > 18
    assert choose([USUAL], None, (20, 15), taken) is None


def test_the_light_is_believed_where_the_model_is_at_odds_with_it():
    assert choose([SMALL], USUAL, PLACE, FREE) is not SMALL
    assert np.array_equal(choose([SMALL], USUAL, PLACE, FREE), USUAL)
    assert np.array_equal(choose([LARGE], USUAL, PLACE, FREE), LARGE)
    assert choose([], None, PLACE, FREE) is None
    assert np.array_equal(choose([], USUAL, PLACE, FREE), USUAL)
