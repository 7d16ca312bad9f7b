"""Labels as runs, and back."""

from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.io.runs import from_runs, to_runs


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (17, 23)])
def test_runs_and_labels_are_inverse(shape):
    labels = np.random.default_rng(1).choice([0, 0, 0, 3, 7, 70_000], shape).astype(np.int32)
    assert np.array_equal(from_runs(to_runs(labels), shape), labels)


def test_runs_go_on_over_the_ends_of_rows():
    assert to_runs(np.array([[1, 1], [1, 0]])).tolist() == [1, 3, 0, 1]


@pytest.mark.parametrize(
    "runs", [[1, 3], [1, 5], [1, -4, 2, 8], [-1, 4], [2**31, 4], [1, 2**62] * 4 + [1, 4]]
)
def test_runs_that_do_not_fit_are_refused(runs):
    with pytest.raises(ValueError, match="must fill"):
        from_runs(runs, (2, 2))
