"""Windows about clicks, up to the edges of the field."""

from __future__ import annotations

import numpy as np
import pytest
from reference.bright import Bright, disk

from nucseg_tf.annotation.magic.look import look_by_light, look_by_model
from nucseg_tf.inference.windows import predict_window, survey


@pytest.mark.parametrize("shape", [(700, 400), (30, 35), (500, 9)])
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_click_in_a_corner(shape, corner):
    place = tuple(side * (length - 1) for side, length in zip(corner, shape, strict=True))
    nucleus = disk(shape, *place, 8)
    pixels = np.where(nucleus, 900, 50).astype(np.uint16)
    model = Bright()
    for look in (
        look_by_model(pixels, place, model, survey(model, pixels), predict_window),
        look_by_light(pixels, place, 20),
    ):
        y0, x0, y1, x1 = look.box
        inside = nucleus[y0:y1, x0:x1]
        assert inside.sum() == nucleus.sum()
        outline = look.outline(np.zeros(inside.shape, bool))
        assert (outline & inside).sum() > 0.7 * (outline | inside).sum()
