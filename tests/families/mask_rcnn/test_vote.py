import numpy as np

from nucseg_tf.families.mask_rcnn.vote import vote


def test_vote_averages_boxes_and_counts_views():
    one = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    two = np.array([[0, 0, 10, 12]], np.float32)
    scores = [np.array([0.9, 0.8], np.float32), np.array([0.6], np.float32)]
    boxes, found = vote([one, two], scores, least=0.3)
    np.testing.assert_allclose(found, [0.75, 0.4], rtol=1e-6)
    np.testing.assert_allclose(boxes[0], [0, 0, 10, (0.9 * 10 + 0.6 * 12) / 1.5], rtol=1e-6)
    np.testing.assert_allclose(boxes[1], one[1])
    boxes, found = vote([one, two], scores, least=0.5)
    assert len(boxes) == len(found) == 1


def test_vote_keeps_touching_nuclei_apart():
    # Boxes of one view overlap by 0.38, and by as much those of the other: nobody's mean.
    one = np.array([[0, 0, 20, 20], [0, 9, 20, 29]], np.float32)
    two = np.array([[0, 8, 20, 26], [0, 0, 20, 18]], np.float32)
    scores = [np.array([0.9, 0.8], np.float32), np.array([0.95, 0.9], np.float32)]
    boxes, _ = vote([one, two], scores, least=0.5)
    boxes = boxes[np.argsort(boxes[:, 1])]
    np.testing.assert_allclose(boxes, [[0, 0, 20, 19], [0, 8.5, 20, 27.4]], atol=0.1)


def test_vote_of_nothing_is_nothing():
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    boxes, scores = vote([none[0]] * 2, [none[1]] * 2, 0.5)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)
