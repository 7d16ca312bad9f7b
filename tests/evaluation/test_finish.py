import numpy as np
import pytest

from nucseg_tf.evaluation.finish import common_pixel_size
from nucseg_tf.evaluation.tuning import mean_ap, tune
from nucseg_tf.families.fpn2ws.config import GRID, Decode
from nucseg_tf.families.fpn2ws.decode import decode
from nucseg_tf.families.fpn2ws.targets import targets
from nucseg_tf.registry import FAMILIES


def pair() -> tuple[np.ndarray, np.ndarray]:
    labels = np.zeros((60, 80), np.int32)
    rows, columns = np.indices(labels.shape)
    for index, (y, x) in enumerate(((18, 20), (18, 41), (44, 60)), start=1):
        labels[((rows - y) ** 2 + (columns - x) ** 2 < 110) & (labels == 0)] = index
    return targets(labels), labels


def score(settings) -> float:
    return mean_ap([pair()], decode, settings)


def tuned_from(start):
    return tune([pair()], decode, start, GRID, rounds=1)


def test_every_threshold_on_the_grid_exists():
    for family in FAMILIES:
        assert {*family.grid} <= {*family.thresholds.model_fields}


def test_tuning_finds_better_thresholds_and_never_worse_ones():
    start = Decode(seed=0.99, background=0.5, ridge=0.9)
    before = score(start)
    tuned = tuned_from(start)
    assert score(tuned) > before
    assert score(tuned) > 0.8


def test_perfect_thresholds_are_left_alone():
    start = Decode(seed=0.5, background=0.05, ridge=0.3, slope=0.2)
    assert score(start) == pytest.approx(1)
    assert tuned_from(start) == start


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([0.5, 0.51], 0.505), ([0.5, None], None), ([0.2, 0.4], None), ([None], None), ([], None)],
)
def test_common_pixel_size(sizes, expected):
    assert common_pixel_size(sizes) == (pytest.approx(expected) if expected else None)
