import cv2
import numpy as np
import pytest

from nucseg_tf.data.doubts import brighter_inside, doubts, find_background
from nucseg_tf.types import IGNORED


def field(size=160, seed=0):
    """Bright discs of different sizes, labelled, in noise; not symmetric."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    for number in range(1, 15):
        centre = rng.integers(0, size, 2).tolist()
        cv2.circle(labels, centre, int(rng.integers(5, 12)), number, -1)
    pixels = 100 + 900 * (labels > 0) + rng.normal(0, 60, labels.shape)
    return pixels.astype(np.uint16), labels


def naive_chance(pixels, inside, around):
    """Of all pairs of pixels."""
    pairs = [(a > b) + 0.5 * (a == b) for a in pixels[inside] for b in pixels[around]]
    return float(np.mean(pairs))


def test_a_right_field_raises_none():
    for seed in range(5):
        assert doubts(*field(seed=seed)) == []


def test_chance_is_that_of_all_pairs():
    pixels, labels = field(40)
    pixels = pixels // 200  # with ties
    inside = labels > 0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15))
    around = (cv2.dilate(inside.astype(np.uint8), disc) > 0) & ~inside
    found = brighter_inside(pixels, labels)
    assert found == pytest.approx(naive_chance(pixels, inside, around))


@pytest.mark.parametrize(
    "change",
    [
        lambda labels: labels.T,
        lambda labels: labels[::-1],
        lambda labels: labels[:, ::-1],
        lambda labels: np.rot90(labels),
        lambda labels: np.roll(labels, 60, axis=0),
        lambda labels: field(seed=9)[1],
    ],
    ids=["transposed", "upside down", "mirrored", "turned", "shifted", "of another field"],
)
def test_masks_that_do_not_fit(change):
    pixels, labels = field()
    (found,) = doubts(pixels, np.ascontiguousarray(change(labels)))
    assert "nuclei are not brighter than what surrounds them" in found


def test_an_image_with_bright_background_is_to_be_inverted():
    pixels, labels = field()
    first, second = doubts(2000 - pixels, labels)
    assert "background of its image seems bright" in first
    assert "--invert" in first
    assert "not brighter" in second


@pytest.mark.parametrize("shift", [1, 3])
def test_a_label_for_the_background(shift):
    pixels, labels = field()
    assert find_background(labels) is None
    assert find_background(labels + shift) == shift
    (found,) = doubts(pixels, labels + shift)
    assert found.startswith(f"label {shift} surrounds all others")


def test_lines_of_0_between_labels_do_not_hide_a_background():
    _, labels = field()
    labels = labels + 1
    edges = cv2.morphologyEx(labels.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3)))
    labels[edges > 0] = 0
    assert find_background(labels) == 1


def test_a_large_nucleus_is_none():
    labels = np.ones((50, 50), np.int32)
    assert find_background(labels) is None  # nothing else is there
    labels[:, 0], labels[20:24, 20:24] = 0, 2
    assert find_background(labels) is None  # it does not reach the left


def test_few_pixels_tell_nothing():
    pixels, labels = field()
    labels = np.where(labels == 1, 1, 0)[:20, :20]
    assert brighter_inside(pixels[:20, :20], labels * 0) is None
    assert brighter_inside(np.full((160, 160), 9), field()[1]) is None
    assert brighter_inside(pixels, np.ones_like(pixels)) is None  # nothing around


def test_what_is_unknown_does_not_count():
    pixels, labels = field(80)
    known = labels.copy()
    known[:, 40:] = IGNORED
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15))
    inside = known > 0
    around = (cv2.dilate(inside.astype(np.uint8), disc) > 0) & (known == 0)
    pixels[:, 40:] = 60_000  # would be darker inside than around
    found = brighter_inside(pixels, known)
    assert found == pytest.approx(naive_chance(pixels, inside, around))
    assert found > 0.9


def test_a_background_among_what_is_known():
    _, labels = field()
    known = labels + 1
    known[:70], known[-70:] = IGNORED, IGNORED
    known[[0, -1], 80] = 1
    assert find_background(known) == 1
