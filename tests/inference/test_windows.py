"""Windows are seen as the whole image is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from nucseg_tf.imaging.normalise import normalise
from nucseg_tf.imaging.window import Window
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.scale import Scale
from nucseg_tf.inference.stages.values import Predicted, Scaled
from nucseg_tf.inference.windows import CENTRE, SIDE, predict_window, survey, window_at
from nucseg_tf.types import Image


@pytest.mark.parametrize("zoom", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("shape", [(1000, 1400), (100, 2000), (5, 7)])
def test_a_window_holds_the_place_with_room_about_it(shape, zoom):
    side, step = round(SIDE / zoom), round(CENTRE / zoom)
    margin = (side - step) // 2
    rng = np.random.default_rng(0)
    for _ in range(200):
        place = tuple(int(rng.integers(length)) for length in shape)
        window = window_at(shape, place, zoom)
        assert window.shape == tuple(min(length, side) for length in shape)
        spans = zip(window.slices, place, shape, strict=True)
        for span, here, length in spans:
            assert max(0, here - margin) >= span.start or span.start == max(0, length - side)
            assert min(length, here + margin) <= span.stop or span.start == 0


def test_places_near_each_other_have_one_window():
    windows = {window_at((2000, 2000), (900 + i, 700), 1.0) for i in range(CENTRE)}
    assert len(windows) <= 2


class Eye:
    """A model that gives what it sees."""

    info = SimpleNamespace(
        normalisation=SimpleNamespace(low=1.0, high=99.8),
        diameter=30.0,
        pixel_size=0.5,
        find_diameter=False,
    )
    thresholds = None
    family = SimpleNamespace(widest=lambda thresholds: thresholds)

    def scale(self, pixels: np.ndarray, options: Options) -> Scaled:
        return Scale(self.info, options)(Image(pixels, options.pixel_size, "array"))

    def look(self, scaled: Scaled, options: Options, thresholds: None) -> Predicted:
        return Predicted(scaled.image, scaled.pixels.read(Window.whole(scaled.pixels.shape)))


def test_intensities_are_those_of_the_whole_field():
    pixels = np.random.default_rng(0).integers(0, 5000, (400, 500)).astype(np.uint16)
    pixels[:100] //= 10
    window = Window(20, 30, 90, 150, pixels.shape)
    whole = survey(Eye(), pixels)
    seen = predict_window(Eye(), pixels, window, whole)
    np.testing.assert_array_equal(seen.raw, normalise(pixels, 1.0, 99.8)[window.slices])
    assert whole.diameter == 30
    assert whole.image.pixels.size == 0, "a survey keeps no image"


def test_the_scale_is_that_of_the_whole_field():
    pixels = np.random.default_rng(0).integers(0, 5000, (400, 500)).astype(np.uint16)
    whole = survey(Eye(), pixels, pixel_size=0.25)
    seen = predict_window(Eye(), pixels, Window(20, 30, 90, 150, pixels.shape), whole)
    assert seen.raw.shape == (35, 60)
    assert (seen.image.zoom, whole.diameter) == (0.5, 60)


def test_an_empty_field():
    class Empty(Eye):
        def look(self, scaled, options, thresholds):
            assert scaled.pixels is None
            return Predicted(scaled.image, "nothing")

    pixels = np.full((40, 50), 7, np.uint8)
    window = Window.whole(pixels.shape)
    assert predict_window(Empty(), pixels, window, survey(Empty(), pixels)).raw == "nothing"
