import numpy as np
from reference.drawn import draw

from nucseg_tf.imaging.edges import find_edges, mean_by_label, quantile_by_label

LABELS = draw("""
    .11.
    .122
    ....
""")


def test_edges_are_pairs_of_pixels_inside_and_outside():
    edges = find_edges(LABELS)
    found = {
        (int(label), int(row), int(column), int(down), int(right))
        for label, row, column, down, right in zip(
            edges.label, edges.row, edges.column, edges.down, edges.right, strict=True
        )
    }
    # Up is the edge of the image, which makes none.
    assert found == {
        (1, 0, 1, 0, -1), (1, 0, 2, 0, 1), (1, 0, 2, 1, 0),
        (1, 1, 1, 0, -1), (1, 1, 1, 1, 0), (1, 1, 1, 0, 1),
        (2, 1, 2, 0, -1), (2, 1, 2, -1, 0), (2, 1, 2, 1, 0),
        (2, 1, 3, -1, 0), (2, 1, 3, 1, 0),
    }  # fmt: skip
    assert len(edges.label) == len(found)


def test_every_edge_leads_out_of_its_nucleus():
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 4, (6, 7)), np.ones((3, 2), int)).astype(np.int32)
    edges = find_edges(labels)
    np.testing.assert_array_equal(edges.at(labels, 0), edges.label)
    assert (edges.at(labels, 1) != edges.label).all()


def test_beyond_the_image_its_last_pixels_go_on():
    edges = find_edges(np.array([[0, 1]]))
    image = np.array([[7, 9]])
    assert [edges.at(image, steps).tolist() for steps in (-3, 0, 1, 5)] == [[9], [9], [7], [7]]


def test_no_edges():
    for labels in (np.zeros((3, 4), np.int32), np.ones((3, 4), np.int32), np.zeros((0, 0), int)):
        edges = find_edges(labels)
        assert len(edges.label) == len(edges.at(labels, 1)) == 0
    assert quantile_by_label(edges.label, np.zeros(0), 2, 0.5).tolist() == [1, 1]
    assert mean_by_label(edges.label, np.zeros(0), 2).tolist() == [0, 0]


def test_means_and_quantiles_by_label():
    rng = np.random.default_rng(1)
    label, values = rng.integers(1, 5, 60), rng.random(60)
    label[label == 3] = 4  # 3 has none
    for share in (0, 0.1, 0.5, 1):
        found = quantile_by_label(label, values, 4, share)
        for number in (1, 2, 4):
            expected = np.quantile(values[label == number], share, method="lower")
            assert found[number - 1] == expected
        assert found[2] == 1
    means = mean_by_label(label, values, 4)
    np.testing.assert_allclose(means[[0, 3]], [values[label == n].mean() for n in (1, 4)])
