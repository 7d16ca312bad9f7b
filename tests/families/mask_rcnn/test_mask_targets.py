import numpy as np
import pytest
from reference.naive_boxes import naive_roi_align

from nucseg_tf.families.mask_rcnn.heads import build_box_head, build_mask_head
from nucseg_tf.families.mask_rcnn.sampling import mask_targets, unknown


def draw(picture: str) -> np.ndarray:
    """Reads a label image from lines of digits; a dot is background, ? is unknown."""
    values = {".": 0, "?": -1}
    return np.array(
        [[values.get(sign) if sign in values else int(sign) for sign in row]
         for row in picture.split()],
        np.int32,
    )  # fmt: skip


NUCLEI = draw("""
    .......
    ..11...
    ..1122.
    ....22.
    .......
""")


def targets_of(labels, label, box, cells):
    """Target and known cells of one box."""
    target, known = mask_targets(
        labels[None], np.array([[label]], np.int32), np.array([[box]], np.float32), cells
    )
    return np.asarray(target)[0, 0], np.asarray(known)[0, 0]


def test_cells_that_are_pixels():
    target, known = targets_of(NUCLEI, 1, (0, 1, 4, 5), 4)
    np.testing.assert_array_equal(target, [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]])
    assert (known == 1).all()


def test_shares_in_a_box_between_pixels():
    # Cells of 1 x 0.5 px: middles at rows 1.25 and 2.25, at columns 1.75 and 2.25 px; pixel 1 has
    # its middle at 1.5 px. So 0.75 of the way from row 0 to row 1, and of both rows in the
    # nucleus; 0.25 and 0.75 of the way from column 1 to column 2.
    target, _ = targets_of(NUCLEI, 1, (0.75, 1.5, 2.75, 2.5), 2)
    np.testing.assert_allclose(target, [[0.75 * 0.25, 0.75 * 0.75], [0.25, 0.75]])


def test_rows_are_not_columns():
    labels = draw("""
        111111
        ......
        ......
    """)
    # Middles at rows 0.75 and 2.25 px, columns 1.5 and 4.5 px.
    target, _ = targets_of(labels, 1, (0, 0, 3, 6), 2)
    np.testing.assert_allclose(target, [[0.75, 0.75], [0, 0]])


def test_another_nucleus_is_background():
    box = (1, 2, 4, 5)
    np.testing.assert_array_equal(
        targets_of(NUCLEI, 1, box, 3)[0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    )
    np.testing.assert_array_equal(
        targets_of(NUCLEI, 2, box, 3)[0], [[0, 0, 0], [0, 0, 1], [0, 0, 1]]
    )
    assert not targets_of(NUCLEI, 7, (1, 2, 4, 6), 4)[0].any()


def test_beyond_the_image_its_edge_counts():
    labels = draw("""
        1..
        1..
    """)
    target, known = targets_of(labels, 1, (-4, -4, 6, 0), 3)
    assert (target == 1).all()
    assert (known == 1).all()
    assert not targets_of(labels, 1, (-4, 3, 6, 9), 3)[0].any()


@pytest.mark.parametrize("seed", range(3))
def test_equals_sampling_the_nucleus_itself(seed):
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(-1, 4, (2, 4, 6)), np.ones((3, 2), int)).astype(np.int32)
    first = rng.uniform(-2, (10, 10), (2, 5, 2))
    rois = np.concatenate([first, first + rng.uniform(0.3, (7, 9), first.shape)], -1)
    ids = rng.integers(1, 4, (2, 5)).astype(np.int32)
    target, known = mask_targets(labels, ids, rois.astype(np.float32), 4)
    assert target.shape == known.shape == (2, 5, 4, 4)
    for image, number in np.ndindex(2, 5):
        maps = np.stack([labels[image] == ids[image, number], labels[image] < 0], -1)
        expected = naive_roi_align(maps.astype(float), rois[image, number], 1, 4, 1)
        np.testing.assert_allclose(target[image, number], expected[..., 0], atol=1e-5)
        np.testing.assert_array_equal(known[image, number], expected[..., 1] == 0)


def test_unknown_ground_is_not_known():
    labels = draw("""
        .11??
        .11??
        .....
    """)
    # Middles of cells at columns 1, 2, 3 and 4 px, halfway between two pixels each.
    _, known = targets_of(labels, 1, (0, 0.5, 3, 4.5), 4)
    np.testing.assert_array_equal(known[0], [1, 1, 0, 0])
    np.testing.assert_array_equal(known[-1], [1, 1, 1, 1])
    target, known = targets_of(np.full((4, 6), -1, np.int32), 1, (0, 0, 3, 5), 2)
    assert not target.any()
    assert not known.any()


def test_unknown_ground_that_has_no_share_is_ignored():
    labels = draw("""
        ?????
        ?11??
        ?11??
        ?????
    """)
    target, known = targets_of(labels, 1, (1, 1, 3, 3), 2)
    np.testing.assert_array_equal(target, np.ones((2, 2)))
    np.testing.assert_array_equal(known, np.ones((2, 2)))


def test_unknown_looks_at_the_centre():
    labels = draw("""
        ......
        ....?.
        ......
    """)
    boxes = [
        (1, 4, 2, 5),
        (0, 3, 3, 6),  # centre (1.5, 4.5) px
        (0, 2, 2, 6),  # centre (1, 4) px: the corner of pixel (1, 4) belongs to it
        (1, 4, 3, 6),  # centre (2, 5) px: belongs to the next
        (1, 1, 2, 2),
        (4, 1, 5, 2),
    ]
    found = unknown(labels[None], np.array([boxes], np.float32))
    assert np.asarray(found).tolist() == [[True, True, True, False, False, False]]


def test_unknown_of_centres_beyond_the_image_and_of_shared_anchors():
    corner = draw("""
        ?....
        .....
    """)
    other = draw("""
        .....
        ....?
    """)
    anchors = np.array([[(-9, -9, -3, -5), (5, 8, 9, 20), (-9, 8, 1, 20)]], np.float32)
    found = unknown(np.stack([corner, other]), anchors)
    assert np.asarray(found).tolist() == [[True, False, False], [False, True, False]]


@pytest.mark.parametrize(("enlarge", "side"), [(False, 6), (True, 12)])
def test_masks_have_the_cells_of_the_features(enlarge, side):
    head = build_mask_head(6, 4, 8, 2, enlarge)
    features = np.random.default_rng(0).random((3, 6, 6, 4), np.float32)
    masks = np.asarray(head(features))
    assert masks.shape == (3, side, side, 1)
    # Transposed features give a mask that is not just the same: rows and columns are kept apart.
    features[:, 0, 5] += 10
    changed = np.abs(np.asarray(head(features)) - masks).max((0, 3))
    assert changed[: side // 2, side // 2 :].max() > 0
    assert changed[side // 2 :, : side // 2].max() == 0


def test_box_head_has_one_score_and_four_offsets():
    logits, offsets = build_box_head(5, 4, 8)(np.ones((3, 5, 5, 4), np.float32))
    assert logits.shape == (3, 1)
    assert offsets.shape == (3, 4)
