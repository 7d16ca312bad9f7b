"""How links are counted, on cases that can be counted by hand."""

from __future__ import annotations

import bench_link
import numpy as np
import pytest

from nucseg_tf.io.tables import Table


def arrays(*rows: list[int]) -> list[np.ndarray]:
    return [np.array(row, np.int64) for row in rows]


@pytest.mark.parametrize(
    ("truth", "found", "counts"),
    [
        pytest.param([[7, 8], [7, 8]], [[1, 2], [1, 2]], (2, 2, 2, 2), id="all right"),
        pytest.param([[7, 8], [7, 8]], [[1, 2], [2, 1]], (0, 2, 0, 2), id="exchanged"),
        pytest.param([[7], [7], [7]], [[1], [2], [2]], (1, 1, 1, 2), id="one is missing"),
        pytest.param([[7], [8]], [[1], [1]], (0, 1, 0, 0), id="one too many"),
        pytest.param([[7], [], [7]], [[1], [], [1]], (1, 1, 1, 1), id="over a gap"),
        pytest.param([[7], [], [], [7]], [[1], [], [], [2]], (0, 0, 0, 0), id="too wide a gap"),
        pytest.param([[7], [7, 7]], [[1], [2, 1]], (1, 1, 1, 1), id="either half will do"),
    ],
)
def test_links(truth, found, counts):
    assert bench_link.score_links(arrays(*truth), arrays(*found), gap=1) == counts


@pytest.mark.parametrize(
    ("tracks", "parents", "counts"),
    [
        pytest.param([[1], [2, 3]], [0, 1, 1], (1, 1, 1, 1), id="right"),
        pytest.param([[1], [1, 2]], [0, 0, 0], (0, 0, 0, 1), id="not found"),
    ],
)
def test_divisions(tracks, parents, counts):
    truth, true_parents = arrays([7], [8, 9]), {7: 0, 8: 7, 9: 7}
    table = Table({"track": np.concatenate(arrays(*tracks)), "parent": np.array(parents)})
    assert bench_link.score_divisions(truth, true_parents, arrays(*tracks), table) == counts


def test_centroids_are_means_of_pixels():
    labels = np.array([[1, 1, 0, 2], [1, 0, 0, 2]], np.int32)
    centroids, areas = bench_link.measure(labels)
    assert areas.tolist() == [3, 2]
    assert centroids == pytest.approx(np.array([[1 / 3, 1 / 3], [0.5, 3.0]]))
