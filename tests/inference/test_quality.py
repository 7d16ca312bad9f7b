from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from nucseg_tf.data.simulate import find_cell_lines
from nucseg_tf.data.simulate.field import simulate_field
from nucseg_tf.imaging import scratch
from nucseg_tf.inference.fields import (
    LEAST_FOCUS,
    MOST_DEBRIS,
    MOST_SATURATED,
    MOST_UNEVEN,
)
from nucseg_tf.inference.measure import measure_columns
from nucseg_tf.inference.quality import measure_quality, of_stack
from nucseg_tf.io.tables import Table

SHAPE = (256, 288)


@pytest.fixture(scope="module")
def simulated():
    """A field of U2OS, about 10 nuclei: image and labels."""
    return simulate_field(find_cell_lines("U2OS")[0], 1, shape=SHAPE)


def quality(image, labels, scores=None):
    nuclei = int(labels.max())
    scores = np.ones(nuclei) if scores is None else scores
    return measure_quality(image, labels, Table(measure_columns(labels, {"nuclei": image}, scores)))


def blurred(image, sigma):
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma) if sigma else image


def test_a_simulated_field_is_good(simulated):
    found = quality(*simulated)
    assert found["focus"] > 0.8
    assert found["saturated"] == 0
    assert found["uneven"] < MOST_UNEVEN / 2
    assert found["debris"] < MOST_DEBRIS / 2
    assert found["covered"] == pytest.approx((simulated[1] > 0).mean(), abs=1e-4)
    areas = np.bincount(simulated[1].ravel())[1:]
    assert found["median_area_px"] == np.median(areas[areas > 0])


def test_blur_lowers_the_focus(simulated):
    image, labels = simulated
    steps = [quality(blurred(image, sigma), labels)["focus"] for sigma in (0, 1, 2, 4, 8)]
    assert steps == sorted(steps, reverse=True)
    assert steps[0] > 1.8 * steps[-1]
    diameter = 2 * (quality(image, labels)["median_area_px"] / np.pi) ** 0.5
    assert quality(blurred(image, 0.05 * diameter), labels)["focus"] > LEAST_FOCUS
    assert quality(blurred(image, 0.2 * diameter), labels)["focus"] < LEAST_FOCUS


def test_focus_depends_neither_on_contrast_nor_on_noise_nor_on_size(simulated):
    image, labels = simulated
    focus = quality(image, labels)["focus"]
    assert quality(image.astype(float) * 0.01 - 7, labels)["focus"] == pytest.approx(
        focus, rel=0.01
    )
    noise = np.random.default_rng(0).normal(0, 1000, image.shape)
    assert quality(image + noise, labels)["focus"] == pytest.approx(focus, rel=0.05)
    double = [np.kron(each, np.ones((2, 2), each.dtype)) for each in (image, labels)]
    assert quality(*double)["focus"] == pytest.approx(focus, rel=0.05)


def test_focus_of_a_disc_is_that_of_its_formula():
    """Slopes are bells: of the image's edge of variance s, of the mask's of g.

    The sum of their products is 1 / sqrt(2 pi (s + g)), that of the mask's squares
    1 / sqrt(4 pi g); so the focus is sqrt(2 g / (s + g)). A pixel of the reduced copy adds the
    variance of its square to both, 1 / 12, and a difference over two pixels 4 / 12.
    """
    rows, columns = np.indices((200, 200)) - 99.5
    labels = (np.hypot(rows, columns) < 60).astype(np.int32)
    blur_of_pixels = 6**2 * 5 / 12  # 120 px of diameter are reduced by 6
    for sigma in (0, 4, 8):
        mask = (0.05 * 120) ** 2 + blur_of_pixels
        wanted = np.sqrt(2 * mask / (sigma**2 + blur_of_pixels + mask))
        found = quality(blurred(1000.0 * labels, sigma), labels)["focus"]
        assert found == pytest.approx(wanted, rel=0.1)  # blur dims the rim of the core


def test_saturation():
    labels = np.zeros((40, 50), np.int32)
    labels[10:20, 10:20] = 1
    image = np.random.default_rng(0).integers(100, 200, labels.shape).astype(np.uint16)
    assert quality(image, labels)["saturated"] == 0  # the highest value is no ceiling
    for ceiling in (255, 4095, 65535):  # of cameras, whatever the file's dtype
        image[10:14, 10:20] = ceiling
        assert quality(image, labels)["saturated"] == pytest.approx(40 / 2000)
    clipped = np.minimum(np.random.default_rng(1).normal(0, 1, labels.shape), 1.5)
    share = np.mean(clipped == 1.5)
    assert quality(clipped, labels)["saturated"] == pytest.approx(share, abs=1e-4)
    assert quality(np.full(labels.shape, 255, np.uint8), labels)["saturated"] == 0  # no picture
    few = np.random.default_rng(2).poisson(3, labels.shape).astype(np.uint8)  # coarse steps
    assert quality(few, labels)["saturated"] == 0
    assert MOST_SATURATED < 40 / 2000


def test_background_that_changes_over_the_field(simulated):
    image, labels = simulated
    contrast = image[labels > 0].mean() - image[labels == 0].mean()
    slope = np.linspace(0, contrast, image.shape[1])
    assert quality(image + slope, labels)["uneven"] == pytest.approx(1, abs=0.2)
    assert quality(image + 5 * contrast, labels)["uneven"] < MOST_UNEVEN / 2


def test_specks_and_doubtful_nuclei_are_debris(simulated):
    image, labels = simulated
    count = len(np.unique(labels)) - 1
    before = quality(image, labels)["debris"]
    dirty, drawn = image.copy(), 0
    away = cv2.dilate((labels > 0).astype(np.uint8), np.ones((25, 25))) == 0
    for row in range(12, SHAPE[0] - 12, 24):
        for column in range(12, SHAPE[1] - 12, 24):
            if away[row, column]:
                cv2.circle(dirty, (column, row), 3, 20_000, -1)
                drawn += 1
    wanted = (drawn + before * count) / (drawn + count)
    assert quality(dirty, labels)["debris"] == pytest.approx(wanted, abs=0.1)
    doubted = np.ones(int(labels.max()))
    doubted[:4] = 0.1
    assert quality(image, labels, doubted)["debris"] >= before + 3 / count


def test_without_nuclei_little_is_known():
    image = np.random.default_rng(0).normal(200, 10, (64, 64))
    found = quality(image, np.zeros((64, 64), np.int32))
    assert found == {
        "focus": None,
        "saturated": 0,
        "uneven": None,
        "debris": None,
        "covered": 0,
        "median_area_px": None,
    }


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2, 2), (300, 3)])
def test_tiny_fields(shape):
    labels = np.zeros(shape, np.int32)
    labels[0, 0] = 1
    image = np.zeros(shape, np.uint8)
    image[0, 0] = 9
    assert quality(image, labels)["uneven"] in (None, 0)


def test_nuclei_darker_than_the_background_have_no_focus(simulated):
    image, labels = simulated
    assert quality(-image.astype(float), labels)["focus"] is None


def test_strips_are_like_the_whole(simulated, monkeypatch):
    image, labels = simulated
    image = image + np.linspace(0, 2000, SHAPE[0])[:, np.newaxis]  # from top to bottom
    whole = quality(image, labels)
    monkeypatch.setattr(scratch, "STRIP", 64 * SHAPE[1])
    strips = quality(image, labels)
    assert whole["uneven"] > 0.5
    assert strips["uneven"] == pytest.approx(whole["uneven"], rel=0.1)
    assert strips["focus"] == pytest.approx(whole["focus"], rel=0.05)
    assert strips["saturated"] == whole["saturated"]


def test_a_stack_is_as_sharp_as_its_sharpest_plane():
    planes = [
        {"focus": 0.3, "debris": 0.5, "uneven": None},
        {"focus": 1.1, "debris": 0.1, "uneven": None},
        {"focus": None, "debris": 0.2, "uneven": None},
    ]
    assert of_stack(planes) == {"focus": 1.1, "debris": 0.2, "uneven": None}


def test_it_is_quick(simulated):
    """3 % of a prediction are some 15 ms a megapixel; the limit has room for slow machines."""
    image, labels = (np.tile(each, (4, 4)) for each in simulated)
    table = Table(measure_columns(labels, {"nuclei": image}, np.ones(int(labels.max()))))
    times = []
    for _ in range(3):
        began = time.process_time()
        measure_quality(image, labels, table)
        times.append(time.process_time() - began)
    assert min(times) < 0.3 * image.size / 1e6
