"""Properties of what is computed, on small images: none, one pixel, constant, tied, any labels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from scipy import ndimage
from skimage import segmentation

from nucseg_tf.data.regions import mark_unknown
from nucseg_tf.errors import ImageReadError, LabelError
from nucseg_tf.evaluation.matching import match, overlap_table
from nucseg_tf.evaluation.scores import score_image, summarise
from nucseg_tf.imaging.components import components, groups_of, keep_areas
from nucseg_tf.imaging.normalise import CEILING, find_limits, normalise
from nucseg_tf.imaging.pieces import pieces
from nucseg_tf.imaging.resample import needed, resample
from nucseg_tf.imaging.runs import find_runs
from nucseg_tf.imaging.tiling import STRIDE, fit_tile, tile_starts
from nucseg_tf.imaging.watershed import watershed
from nucseg_tf.imaging.window import Window, blocks
from nucseg_tf.inference.seams import Seams
from nucseg_tf.io.arrays import check_array
from nucseg_tf.io.labels import is_binary, relabel, split_pieces
from nucseg_tf.io.outlines import outlines, trace
from nucseg_tf.types import Instances

SIDES = stn.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
LABELS = stn.arrays(np.int32, SIDES, elements=st.integers(0, 5))
PAIRS = SIDES.flatmap(
    lambda shape: st.tuples(
        stn.arrays(np.int32, shape, elements=st.integers(-1, 5)),
        stn.arrays(np.int32, shape, elements=st.integers(0, 5)),
    )
)
MASKS = stn.arrays(bool, SIDES)


@given(MASKS, st.sampled_from([4, 8]))
def test_components_are_those_of_scipy(mask, connectivity):
    found, count = components(mask, connectivity)
    structure = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    expected, number = ndimage.label(mask, structure)
    assert count == number
    assert len({*zip(found.ravel(), expected.ravel(), strict=True)}) == count + (not mask.all())
    pixels = np.flatnonzero(mask)
    if connectivity == 4 and len(pixels):
        groups, many = groups_of(pixels, mask.shape[1])
        assert many == count
        assert len({*zip(groups, expected.ravel()[pixels], strict=True)}) == count


@given(stn.arrays(np.int32, SIDES, elements=st.integers(-1, 3)), st.integers(0, 2**32 - 1))
def test_the_watershed_is_scikit_images(markers, seed):
    """Of heights that all differ; -1 is kept."""
    heights = np.random.default_rng(seed).permutation(markers.size).astype(np.float32)
    heights = heights.reshape(markers.shape)
    labels = markers.copy()
    watershed(heights, labels)
    numbered = np.where(markers < 0, 9, markers)
    expected = segmentation.watershed(heights, numbered)
    np.testing.assert_array_equal(np.where(labels < 0, 9, labels), expected)


@given(stn.arrays(np.int32, SIDES, elements=st.integers(-1, 3)), st.integers(0, 3))
def test_a_watershed_on_few_heights_gives_every_pixel_a_label_in_reach(markers, levels):
    heights = np.random.default_rng(levels).integers(0, levels + 1, markers.shape)
    labels = markers.copy()
    watershed(heights.astype(np.float32), labels)
    np.testing.assert_array_equal(labels[markers != 0], markers[markers != 0])
    if (markers != 0).any():
        assert np.all(labels != 0)  # of an image, all pixels hang together
    assert {*np.unique(labels)} <= {*np.unique(markers), 0}


@given(PAIRS)
def test_matching_is_symmetric_and_scores_lie_in_their_range(pair):
    truth, found = np.maximum(pair[0], 0), pair[1]
    table, turned = overlap_table(truth, found), overlap_table(found, truth)
    for threshold in (0.3, 0.5, 0.7):
        assert len(match(table, threshold)) == len(match(turned, threshold))
    one, other = score_image(truth, found), score_image(found, truth)
    for key, counts in one.counts.items():
        assert (counts.tp, counts.fp, counts.fn) == (
            *(other.counts[key].tp, other.counts[key].fn, other.counts[key].fp),
        )
        assert 0 <= counts.f1 <= 1
        assert 0 <= counts.ap <= 1
    assert 0 <= one.pq <= 1
    assert (one.splits, one.merges) == (other.merges, other.splits)
    assert score_image(found, found).counts["0.50"].f1 == 1
    assert 0 <= summarise([one, other])["mean_pq"] <= 1


@given(PAIRS)
def test_what_is_not_known_counts_for_nothing(pair):
    truth, found = pair
    score = score_image(truth, found)
    assert score.n_truth == len(np.unique(truth[truth > 0]))
    assert score.n_pred <= len(np.unique(found[found > 0]))
    unknown = np.full_like(truth, -1)
    assert score_image(unknown, found).counts["0.50"].fp == 0


@given(LABELS, st.integers(1, 13))
def test_pieces_do_not_depend_on_blocks(labels, side):
    labels = relabel(labels)
    seen = np.zeros_like(labels)
    for piece in pieces(labels, side=side):
        window = seen[piece.window.slices]
        own = piece.labels > 0
        window[own] = piece.numbers[piece.labels[own] - 1]
    np.testing.assert_array_equal(seen, labels)
    rings = {label: len(found) for label, found in outlines(labels).items()}
    assert {label: len(found) for label, found in trace(labels)} == rings


@given(MASKS, st.integers(2, 13))
def test_seams_do_not_depend_on_blocks(mask, side):
    """Each window holds all of the image, as one that is wide enough does."""
    whole, _ = components(mask)
    whole = relabel(whole)
    seams = Seams(mask.shape)
    for block in blocks(mask.shape, side):
        window = block.grown(max(mask.shape))
        part = relabel(whole[window.slices])
        seams.add(block, window, Instances(part, np.ones(part.max(), np.float32)), None)
    found, _ = seams.join()
    np.testing.assert_array_equal(relabel(found.labels), found.labels)
    pairs = {*zip(found.labels.ravel().tolist(), whole.ravel().tolist(), strict=True)}
    assert len(pairs) == len(np.unique(whole))


@given(SIDES, SIDES, st.sampled_from(["linear", "cubic"]), st.integers(0, 99))
def test_a_window_of_a_resized_image_is_that_of_the_whole(shape, target, kind, seed):
    rng = np.random.default_rng(seed)
    image = rng.random(shape, np.float32)

    def resized(pixels, window):
        part = needed(window, shape, kind)
        return resample(pixels[part.slices], part, window, kind)

    everything = resized(image, Window.whole(target))
    assert everything.shape == target
    top, left = (int(rng.integers(side)) for side in target)
    window = Window(top, left, *target, target)
    np.testing.assert_allclose(resized(image, window), everything[window.slices], atol=1e-5)
    flat = resized(np.full(shape, 0.5, np.float32), Window.whole(target))
    np.testing.assert_allclose(flat, 0.5, atol=1e-5)


@given(st.integers(1, 60), st.integers(3, 12), st.integers(0, 1))
def test_tiles_cover_a_length(count, tile, halo):
    length, tile, halo = count * STRIDE, tile * STRIDE, halo * STRIDE
    size = fit_tile(length, tile, halo)
    assert size <= max(tile, length)
    starts = tile_starts(length, size, halo)
    assert starts[0] == 0
    assert starts[-1] + size == max(length, size)
    for before, after in itertools.pairwise(starts):
        assert before < after <= before + size - 2 * halo


@given(SIDES, st.integers(1, 13))
def test_blocks_divide_an_image(shape, side):
    seen = np.zeros(shape, int)
    for block in blocks(shape, side):
        seen[block.slices] += 1
        assert max(block.shape) <= side
    assert np.all(seen == 1)


FINITE = st.floats(-(2.0**90), 2.0**90, width=32)


@given(stn.arrays(np.float32, SIDES, elements=FINITE) | stn.arrays(np.uint16, SIDES))
def test_what_is_normalised_is_finite(pixels):
    found = normalise(pixels)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.min() >= -0.5
    assert found.max() <= CEILING
    limits = find_limits(pixels)
    assert limits is None or limits[0] < limits[1]


@given(stn.arrays(np.float32, SIDES, elements=st.floats(width=32)))
def test_arrays_that_are_not_finite_are_refused(pixels):
    if np.isfinite(pixels).all():
        check_array(pixels)
        return
    with pytest.raises(ImageReadError, match="not finite"):
        check_array(pixels)


@given(LABELS)
def test_labels_in_runs_and_numbered(labels):
    runs = find_runs(labels)
    np.testing.assert_array_equal(runs.paint(), labels)
    found = relabel(labels)
    values = np.unique(found[found > 0])
    np.testing.assert_array_equal(values, np.arange(1, len(values) + 1))
    np.testing.assert_array_equal(relabel(found), found)
    np.testing.assert_array_equal(found > 0, labels > 0)
    if is_binary(labels):
        split = split_pieces(labels)
        np.testing.assert_array_equal(split > 0, labels > 0)
    kept = keep_areas(found, 3)
    assert np.all(np.bincount(kept.ravel())[1:] >= 3)


@given(LABELS, st.lists(st.tuples(*[st.integers(0, 5)] * 2, *[st.integers(6, 14)] * 2), max_size=3))
def test_no_nucleus_is_known_in_part(labels, boxes):
    try:
        known = mark_unknown(labels, boxes)
    except LabelError:
        return
    for label in np.unique(labels[labels > 0]):
        assert {*np.unique(known[labels == label])} in ({label}, {-1})


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
def test_nothing_stays_nothing(shape):
    nothing = np.zeros(shape, np.int32)
    assert find_runs(nothing).paint().shape == shape
    assert relabel(nothing).shape == shape
    assert not is_binary(nothing)
    assert score_image(nothing, nothing).counts["0.50"].f1 == 1
