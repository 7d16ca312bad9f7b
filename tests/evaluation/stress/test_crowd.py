from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nucseg_tf.evaluation.stress.crowd import crowd, cut_out


def test_nuclei_that_lie_free_are_cut_out(scene):
    cutouts = cut_out([scene])
    assert sorted(round(cutout.diameter) for cutout in cutouts) == [10, 18, 20]
    for cutout in cutouts:
        assert cutout.field == "a"
        assert cutout.light[[0, -1]].max() == cutout.light[:, [0, -1]].max() == 0
        assert 60 < cutout.brightness < 120


def test_crowded_nuclei_touch_and_labels_are_exact(scenes):
    cutouts = cut_out(scenes)
    found = crowd(scenes[0], np.random.default_rng(3), cutouts)
    labels = found.labels
    count = int(labels.max())
    assert count > 15
    assert np.array_equal(np.unique(labels), np.arange(count + 1))
    touching = 0
    for label in range(1, count + 1):
        mask = labels == label
        assert ndimage.label(mask)[1] == 1
        area = np.count_nonzero(mask)
        # A nucleus loses little to those that were there before.
        assert min(abs(area / np.count_nonzero(c.mask) - 0.98) for c in cutouts) < 0.05
        touching += np.any(labels[ndimage.binary_dilation(mask) & ~mask])
    assert touching > 0.6 * count
    inside, outside = found.pixels[labels > 0] / 16, found.pixels[labels == 0] / 16
    assert np.percentile(inside, 5) > np.percentile(outside, 75)


def test_nuclei_of_the_field_itself_or_unlike_ones_are_not_used(scenes):
    rng = np.random.default_rng(0)
    assert crowd(scenes[0], rng, cut_out(scenes[:1])) is None
    large = [part for part in cut_out(scenes[1:]) if part.diameter > 19]
    small = [part for part in cut_out(scenes[1:]) if part.diameter < 12]
    assert crowd(scenes[0], rng, small * 5) is None
    crowded = crowd(scenes[0], rng, large * 5)
    assert crowded.diameter == pytest.approx(20, rel=0.05)
