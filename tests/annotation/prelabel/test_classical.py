"""The classical segmentation, on drawn nuclei of known outline and on real fields."""

from __future__ import annotations

import logging

import cv2
import numpy as np
import pytest

from nucseg_tf.annotation.prelabel import classical
from nucseg_tf.annotation.prelabel.classical import Classical, segment, split
from nucseg_tf.annotation.prelabel.foreground import THRESHOLDS
from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.errors import UsageError
from nucseg_tf.evaluation.scores import score_image, summarise

BOTH = pytest.mark.parametrize("threshold", THRESHOLDS)


def draw(shape: tuple[int, int], *circles: tuple[int, int, int]) -> np.ndarray:
    """Label image of discs (row, column, radius); of two the nearer centre has the pixel."""
    rows, columns = np.indices(shape)
    depth = np.stack([r - np.hypot(rows - y, columns - x) for y, x, r in circles])
    return np.where(depth.max(axis=0) >= 0, depth.argmax(axis=0) + 1, 0).astype(np.int32)


def expose(labels: np.ndarray, light: float | np.ndarray = 6000, seed: int = 0) -> np.ndarray:
    """A 16-bit photograph of drawn nuclei: blurred, on a background of 900, with noise."""
    bright = cv2.GaussianBlur(((labels > 0) * light).astype(np.float64), (0, 0), 1)
    noise = np.random.default_rng(seed).normal(0, 60, labels.shape)
    return (900 + bright + noise).clip(0, 65535).astype(np.uint16)


def f1(truth: np.ndarray, found: np.ndarray, iou: str = "0.80") -> float:
    return score_image(truth, found, (float(iou),)).counts[iou].f1


THREE = draw((110, 150), (30, 30, 12), (35, 105, 14), (80, 70, 13))


@BOTH
def test_single_nuclei(threshold):
    found = segment(expose(THREE), Classical(threshold))
    assert found.dtype == np.int32
    assert f1(THREE, found, "0.90") == 1
    first = [np.flatnonzero(found == label)[0] for label in (1, 2, 3)]
    assert first == sorted(first)  # numbered in reading order


@BOTH
def test_touching_nuclei_are_split_where_they_touch(threshold):
    truth = draw((80, 110), (40, 40, 14), (40, 63, 14))
    assert f1(truth, segment(expose(truth), Classical(threshold)), "0.90") == 1


@BOTH
def test_an_oval_nucleus_is_not_split(threshold):
    truth = np.zeros((80, 110), np.uint8)
    cv2.ellipse(truth, (55, 40), (28, 13), 20, 0, 360, 1, -1)
    assert f1(truth.astype(np.int32), segment(expose(truth), Classical(threshold)), "0.90") == 1


@BOTH
def test_dark_spots_in_a_nucleus_are_filled(threshold):
    truth = draw((70, 70), (35, 35, 18))
    image = expose(truth)
    image[32:38, 30:36] = (
        3300  # below the threshold, of 0.6 of the nucleus, but not as dark as a gap
    )
    found = segment(image, Classical(threshold))
    assert found.max() == 1
    assert found[35, 33] == 1


@BOTH
def test_the_gaps_of_a_colony_are_no_nuclei(threshold):
    """Six nuclei in a ring: what they enclose is background, and each is one."""
    turns = np.deg2rad(np.arange(0, 360, 60))
    ring = [(int(60 + 27 * np.sin(a)), int(60 + 27 * np.cos(a)), 13) for a in turns]
    truth = draw((120, 120), *ring)
    found = segment(expose(truth), Classical(threshold))
    assert found[60, 60] == 0
    assert f1(truth, found, "0.70") == 1


def test_a_dense_colony_is_not_taken_for_histology(caplog):
    """Nuclei on three quarters of a field, brighter and dimmer ones, on an even background."""
    image = np.full((120, 120), 100.0)
    truth = np.zeros((120, 120), np.int32)
    rng = np.random.default_rng(0)
    for label, (y, x) in enumerate(np.ndindex(6, 6), start=1):
        cv2.circle(truth, (10 + 20 * x, 10 + 20 * y), 10, label, -1)
        image[truth == label] = rng.uniform(1000, 3000)
    image += rng.normal(0, 10, image.shape)
    assert (truth > 0).mean() > 0.75
    segment(image.astype(np.uint16))
    assert "dark part" not in caplog.text


def test_a_nucleus_cut_by_the_edge_is_one():
    truth = draw((60, 80), (0, 40, 15), (45, 79, 12))
    assert f1(truth, segment(expose(truth))) == 1


def test_dim_nuclei_beside_bright_ones():
    dim = np.where(THREE == 2, 3000, 9000)
    image = expose(THREE, light=dim)
    assert f1(THREE, segment(image)) == 1
    assert segment(image, Classical("otsu")).max() == 2  # one value for the field passes it over


def test_uneven_light():
    image = expose(THREE) + (40 * np.arange(150)).astype(np.uint16)  # as bright as a nucleus
    assert f1(THREE, segment(image)) == 1


def test_area_limits():
    # Discs of radius 5, 10 and 16 have 81, 317 and 797 px.
    truth = draw((90, 140), (25, 25, 5), (30, 60, 10), (45, 110, 16))
    image = expose(truth)
    counts = {
        limits: segment(image, Classical(min_area=limits[0], max_area=limits[1])).max()
        for limits in ((None, None), (150, None), (None, 500), (150, 500), (2000, None))
    }
    assert list(counts.values()) == [3, 2, 2, 1, 0]


def test_specks_are_dropped_by_default():
    # 21 px, below a tenth of 441; the least area of 10 alone would keep it.
    truth = draw((90, 140), (30, 30, 12), (50, 100, 12), (80, 60, 2))
    image = expose(truth, light=np.where(truth == 3, 20000, 6000))
    assert segment(image).max() == 2
    assert segment(image, Classical(min_area=5)).max() == 3


def test_one_nucleus_in_a_wide_field_of_noise():
    truth = draw((600, 700), (200, 300, 10))
    found = segment(expose(truth, light=2000))
    assert found.max() == 1
    assert f1(truth, found) == 1


@BOTH
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((40, 50), np.uint8),
        np.full((40, 50), 65535, np.uint16),
        np.full((30, 20), -3.5),
        np.zeros((1, 1), np.uint8),
        np.random.default_rng(0).normal(100, 5, (200, 300)),
        np.random.default_rng(0).poisson(2, (200, 300)),
        np.random.default_rng(0).poisson(0.05, (200, 300)),
        np.random.default_rng(0).random((200, 300)),
        np.random.default_rng(0).random((1, 70)),
        np.random.default_rng(0).random((70, 1)),
        np.pad([[60000.0]], 40),
    ],
    ids=str,
)
def test_nothing_to_see(image, threshold):
    found = segment(image, Classical(threshold))
    assert found.shape == image.shape
    assert found.max() == 0


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e300])
def test_scale_of_grey_values_does_not_matter(factor):
    image = expose(THREE)
    scaled = (image.astype(np.float64) - 5000) * factor
    assert f1(segment(image), segment(scaled), "0.95") == 1


def test_dark_nuclei_on_a_bright_field(caplog):
    image = expose(THREE)
    assert not caplog.records
    with caplog.at_level(logging.WARNING, "nucseg_tf"):
        found = segment(65535 - image)
    assert "dark part" in caplog.text
    assert f1(THREE, found) == 1


@pytest.mark.parametrize("diameter", [3, 25, 1e9])
def test_any_diameter_is_survived(diameter):
    assert segment(expose(THREE), Classical(diameter=diameter)).max() >= 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"threshold": "mean"}, "--threshold: expected local or otsu. Received: 'mean'"),
        ({"diameter": 0}, "--diameter: expected a positive number. Received: 0"),
        ({"diameter": float("nan")}, "--diameter"),
    ],
)
def test_settings_that_make_no_sense(options, text):
    with pytest.raises(UsageError, match=text):
        Classical(**options)


def test_split_covers_the_mask_and_nothing_else():
    mask = np.random.default_rng(1).random((60, 70)) > 0.4
    labels = split(mask, 6)
    np.testing.assert_array_equal(labels > 0, mask)
    assert split(np.zeros((5, 6), bool), 6).max() == 0


@pytest.mark.parametrize(("waist", "count"), [(12, 1), (6, 2)])
def test_split_needs_a_waist(waist, count):
    # Two squares of 12 px joined by a bridge; distances rise from waist / 2 to 6 in the squares.
    mask = np.zeros((30, 50), bool)
    mask[9:21, 5:17] = mask[9:21, 30:42] = True
    mask[15 - waist // 2 : 15 + waist // 2, 17:30] = True
    assert split(mask, 12).max() == count


def test_higher_thresholds_cut_smaller_nuclei():
    settings = Classical()
    prepared = classical.prepare(expose(THREE), "local")
    areas = [(classical.cut(prepared, settings, f) > 0).sum() for f in (0.6, 1.0, 1.4)]
    assert areas[0] > areas[1] > areas[2] > 0


@pytest.mark.data
def test_real_fields(dsb2018):
    """All validation fields; 0.907 and 0.845 when this was written, see docs/prelabel.md."""
    pairs = [load_field(field) for field in find_fields(dsb2018 / "val")]
    scores = [score_image(truth, segment(image), (0.5, 0.7)) for image, truth in pairs]
    thresholds = summarise(scores)["thresholds"]
    assert thresholds["0.50"]["f1"] > 0.89
    assert thresholds["0.70"]["f1"] > 0.82
