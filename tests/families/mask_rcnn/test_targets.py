import numpy as np
import pytest

from nucseg_tf.families.mask_rcnn.targets import boxes_of


def draw(picture: str) -> np.ndarray:
    """Reads a label image from lines of digits; a dot is background, ? is unknown."""
    text = picture.replace(".", "0").split()
    return np.array([[-1 if sign == "?" else int(sign) for sign in row] for row in text], np.int32)


def check(labels: np.ndarray, most: int):
    """The contract: types, shapes, padding, and boxes that hug the labels of their ids."""
    boxes, ids, numbered = boxes_of(labels, most)
    assert (boxes.dtype, ids.dtype, numbered.dtype) == (np.float32, np.int32, np.int32)
    assert (boxes.shape, ids.shape, numbered.shape) == ((most, 4), (most,), labels.shape)
    count = int((ids > 0).sum())
    assert ids.tolist() == [*range(1, count + 1)] + [0] * (most - count)
    assert not boxes[count:].any()
    assert set(np.unique(numbered[numbered > 0])) == set(ids[:count].tolist())
    for box, number in zip(boxes[:count], ids[:count], strict=True):
        rows, columns = np.nonzero(numbered == number)
        expected = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        assert box.tolist() == expected
    return boxes, ids, numbered


def test_drawn_nuclei():
    labels = draw("""
        11....5
        11..2..
        ....2..
        .33.222
        .333.22
    """)
    boxes, ids, numbered = check(labels, 6)
    expected = [
        (0, 0, 2, 2),  # at two edges
        (1, 4, 5, 7),  # at two more
        (3, 1, 5, 4),
        (0, 6, 1, 7),  # one pixel in a corner
    ]
    assert boxes[:4].tolist() == [list(map(float, box)) for box in expected]
    assert ids.tolist() == [1, 2, 3, 4, 0, 0]
    np.testing.assert_array_equal(numbered, np.where(labels == 5, 4, labels))


def test_a_nucleus_that_fills_all():
    boxes, ids, _ = check(np.full((3, 5), 7, np.int32), 2)
    assert boxes[0].tolist() == [0, 0, 3, 5]
    assert ids.tolist() == [1, 0]


def test_labels_need_not_be_sequential():
    labels = draw("""
        1.2
        ..3
    """)
    far = np.array([0, 40, 70_000, 9], np.int32)[labels]
    boxes, ids, numbered = check(far, 4)
    # Ids follow the labels: 9, 40, 70 000.
    assert boxes[:3].tolist() == [[1, 2, 2, 3], [0, 0, 1, 1], [0, 2, 1, 3]]
    assert ids.tolist() == [1, 2, 3, 0]
    np.testing.assert_array_equal(numbered, np.array([0, 2, 3, 1])[labels])


def test_pieces_of_one_nucleus_share_a_box():
    boxes, _, _ = check(draw("1...1 ..... .1..."), 2)
    assert boxes[0].tolist() == [0, 0, 3, 5]


def test_of_too_many_the_smallest_become_unknown():
    labels = draw("""
        111.2
        .....
        33.44
        33.44
    """)
    boxes, ids, numbered = check(labels, 3)
    assert boxes.tolist() == [[0, 0, 1, 3], [2, 0, 4, 2], [2, 3, 4, 5]]
    assert ids.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(numbered, np.array([0, 1, -1, 2, 3])[labels])
    _, _, numbered = check(labels, 1)  # 3 and 4 are equally large: the first is kept
    np.testing.assert_array_equal(numbered, np.array([0, -1, -1, 1, -1])[labels])


def test_as_many_as_places():
    labels = draw("1.2.3")
    np.testing.assert_array_equal(check(labels, 3)[2], labels)


def test_unknown_ground_stays_unknown_and_has_no_box():
    labels = draw("""
        ??11.
        ?.1?.
    """)
    boxes, ids, numbered = check(labels, 2)
    assert boxes[0].tolist() == [0, 2, 2, 4]
    assert ids.tolist() == [1, 0]
    np.testing.assert_array_equal(numbered, labels)
    np.testing.assert_array_equal(check(labels * 5, 2)[2], labels)  # whatever the negative number


@pytest.mark.parametrize("value", [0, -1])
def test_no_nucleus(value):
    labels = np.full((4, 6), value, np.int32)
    boxes, ids, numbered = check(labels, 3)
    assert not boxes.any()
    assert not ids.any()
    np.testing.assert_array_equal(numbered, labels)


@pytest.mark.parametrize("most", [1, 4, 30])
@pytest.mark.parametrize("seed", range(4))
def test_random_labels(seed, most):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(-1, 15, (5, 8)) * rng.integers(1, 4)
    labels = np.kron(coarse, np.ones((3, 2), int)).astype(np.int32)
    before = labels.copy()
    _, ids, numbered = check(labels, most)
    np.testing.assert_array_equal(labels, before)  # what came in is left as it was
    areas = {label: (labels == label).sum() for label in np.unique(labels[labels > 0])}
    kept = [label for label in areas if (numbered[labels == label] > 0).all()]
    assert len(kept) == min(most, len(areas)) == (ids > 0).sum()
    lost = [areas[label] for label in areas if label not in kept]
    assert max(lost, default=0) <= min(areas[label] for label in kept)
    assert (numbered[labels == 0] == 0).all()
    assert (numbered[labels < 0] == -1).all()
