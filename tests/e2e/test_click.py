"""A click with the shipped model finds what it finds in the whole field."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from reference.bright import disk

from nucseg_tf import load_model
from nucseg_tf.annotation.magic.keeper import Keeper

SHAPE = (600, 700)
PLACES = [(90, 80), (90, 116), (300, 350), (560, 690), (420, 200), (200, 500)]


def field() -> np.ndarray:
    """Soft disks of 16 px on noise, 16 bits; two of them touch, one is at the edge."""
    bright = np.zeros(SHAPE, np.float32)
    for place in PLACES:
        bright[disk(SHAPE, *place, 16)] = 1
    soft = 900 + 6000 * cv2.GaussianBlur(bright, (0, 0), 1.2)
    return (soft + np.random.default_rng(0).normal(0, 150, SHAPE)).astype(np.uint16)


@pytest.fixture(scope="module")
def keeper(tmp_path_factory):
    found = Keeper(tmp_path_factory.mktemp("project"))
    yield found
    found.close()


@pytest.mark.parametrize("place", PLACES)
def test_a_click_finds_what_the_model_finds_in_the_whole_field(keeper, place):
    image = field()
    whole = load_model("fpn2ws-nuclei").predict(image)
    while keeper.prepare("field", lambda: (image, None))["state"] == "loading":
        time.sleep(0.05)
    look = keeper.look("field", image, None, place)
    y0, x0, y1, x1 = look.box
    expected = whole == whole[place]
    found = np.zeros(SHAPE, bool)
    found[y0:y1, x0:x1] = look.outline(np.zeros((y1 - y0, x1 - x0), bool))
    assert whole[place]
    assert (found & expected).sum() > 0.97 * (found | expected).sum()
