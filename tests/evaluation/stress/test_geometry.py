from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.evaluation.stress import geometry
from nucseg_tf.evaluation.stress.scene import SIDE


@pytest.mark.parametrize("factor", [1 / 3, 0.6, 1.7, 3.0])
def test_diameters_scale(scene, factor):
    zoomed = geometry.zoom(scene, factor)
    shape = tuple(round(factor * length) for length in scene.labels.shape)
    assert zoomed.pixels.shape == zoomed.labels.shape == zoomed.ignored.shape == shape
    assert zoomed.diameter == pytest.approx(factor * scene.diameter, rel=0.1)


@pytest.mark.parametrize("factor", [0.6, 3.0])
def test_labels_stay_on_their_nuclei(scene, factor):
    """Half way between background and nuclei lies the outline, not a pixel beside it."""
    zoomed = geometry.zoom(scene, factor)
    bright = zoomed.pixels > 16 * 65
    assert np.mean(bright == (zoomed.labels > 0)) > 0.985
    for axis in (0, 1):
        shifted = np.roll(bright, 1 if factor < 1 else 2, axis)
        assert np.mean(shifted == (zoomed.labels > 0)) < np.mean(bright == (zoomed.labels > 0))


def test_nuclei_too_small_to_tell_are_ignored(scene):
    zoomed = geometry.zoom(scene, 1 / 3)
    assert zoomed.labels.max() == scene.labels.max() - 1
    assert 5 <= np.count_nonzero(zoomed.ignored) < 12


def test_large_fields_are_cut(scene):
    assert geometry.zoom(scene, 5.0).labels.shape == (SIDE, SIDE)


def test_one_nucleus_lies_alone(scene):
    places = set()
    for seed in range(8):
        part = geometry.one_nucleus(scene, np.random.default_rng(seed))
        assert part.labels.max() == 1
        assert part.labels.shape == part.pixels.shape
        assert max(part.labels.shape) == round(2.5 * part.diameter)
        assert not any(edge.any() for edge in (part.labels[0], part.labels[:, -1]))
        places.add(part.pixels.tobytes())
    assert len(places) == 2  # the two that neither touch, nor are cut, nor small


def test_without_a_free_nucleus_there_is_no_window(scene):
    rng = np.random.default_rng(0)
    assert geometry.one_nucleus(scene.cut(slice(0, 50), slice(0, 70)), rng) is None
