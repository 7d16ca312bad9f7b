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


@pytest.mark.parametrize("factor", [1 / 3, 0.6, 1.7, 3.0])
def test_labels_stay_on_their_nuclei(scene, factor):
    """The centre of pixel i lies at i + 0.5; it moves to factor * (i + 0.5)."""
    zoomed = geometry.zoom(scene, factor)
    for label in (1, 2, 5):
        expected = factor * centre(scene.labels == label)
        row, column = expected.astype(int)
        found = centre(zoomed.labels == zoomed.labels[row, column])
        np.testing.assert_allclose(found, expected, atol=0.15 + 0.05 * factor)


def centre(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask).mean(axis=0) + 0.5


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
