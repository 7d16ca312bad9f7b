"""One image: labels, table, limits, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from reference.drawn import draw

from nucseg_tf.annotation.prelabel.image import Settings, prelabel_image
from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.inference.measure import measure
from nucseg_tf.types import Instances

MEASURED = list(measure(np.zeros((1, 1), np.int32)).columns)


def discs(*circles: tuple[int, int, int], shape=(80, 110)) -> np.ndarray:
    """Bright discs (row, column, radius) on a dark field, with noise; 8 bit."""
    rows, columns = np.indices(shape)
    bright = np.any([np.hypot(rows - y, columns - x) <= r for y, x, r in circles], axis=0)
    noise = np.random.default_rng(0).normal(0, 2, shape)
    return (20 + 150 * bright + noise).clip(0, 255).astype(np.uint8)


class Fixed:
    """Stands for a model that sees the same nuclei whichever way the image is turned."""

    def __init__(self, labels: np.ndarray, scores: list[float]):
        self.labels, self.scores = labels, np.array(scores, np.float32)
        self.calls: list[dict] = []
        self.info = SimpleNamespace(confidence=None)
        self.found: float | None = 23.0

    def find(self, image, options):
        names = ("pixel_size", "diameter", "tile")
        self.calls.append({name: getattr(options, name) for name in names})
        return SimpleNamespace(instances=Instances(self.labels, self.scores))

    def diameter_of(self, found):
        return self.found

    def predict_instances(self, image, **options):
        self.calls.append(options)
        return Instances(np.fliplr(self.labels), self.scores)


def test_two_touching_discs():
    labels, table = prelabel_image(discs((40, 40, 14), (40, 63, 14)), "classical")
    assert labels.dtype == np.int32
    assert labels.max() == 2
    assert list(table.columns) == [*MEASURED, "confidence", "suspect", "reasons", "rank"]
    assert sorted(table["label"]) == [1, 2]
    assert table["rank"].tolist() == [1, 2]
    assert table["suspect"].tolist() == [0, 0]
    assert set(table["reasons"]) == {"touching"}
    assert table["confidence"].between(0.85, 1).all()
    # Radius 14 is 613 px less the sliver beyond the line between them.
    assert table["area_px"].between(560, 640).all()


def test_a_lone_nucleus_is_no_suspect():
    _, table = prelabel_image(discs((40, 40, 14)), "classical")
    assert table["suspect"].tolist() == [0]


@pytest.mark.parametrize("agreement", [0, 2])
def test_a_blank_image_has_an_empty_table(agreement):
    settings = Settings(agreement=agreement)
    labels, table = prelabel_image(np.full((30, 40), 7, np.uint16), "classical", settings)
    assert labels.shape == (30, 40)
    assert labels.max() == 0
    assert list(table.columns) == [*MEASURED, "confidence", "suspect", "reasons", "rank"]
    assert len(table) == 0


def test_classical_without_views_knows_no_confidence():
    _, table = prelabel_image(discs((40, 40, 14)), "classical", Settings(agreement=0))
    assert table["confidence"].isna().all()


LABELS = draw("""
    11..22..
    11..22..
    11..22.3
""")


def test_confidence_of_a_model_is_the_mean_of_score_and_agreement():
    model = Fixed(LABELS, [0.9, 0.6, 0.8])
    settings = Settings(agreement=1, pixel_size=0.5, diameter=3, tile=64)
    labels, table = prelabel_image(LABELS.astype(np.uint8), model, settings)
    np.testing.assert_array_equal(labels, LABELS)
    table = table.set_index("label")
    np.testing.assert_allclose(table.loc[[1, 2, 3], "confidence"], [0.95, 0.8, 0.9], rtol=1e-6)
    np.testing.assert_allclose(table.loc[1, "area_um2"], 6 * 0.25)
    first, again = model.calls
    assert first == {"pixel_size": 0.5, "diameter": 3, "tile": 64}
    assert again == first | {"diameter": 23.0}  # the one of the first: found once
    assert table["rank"].idxmin() == 2


def test_views_of_an_image_of_several_scales_find_them_again():
    model = Fixed(LABELS, [0.9, 0.6, 0.8])
    model.found = None
    prelabel_image(LABELS.astype(np.uint8), model, Settings(agreement=1))
    assert [call["diameter"] for call in model.calls] == [None, None]


def test_without_views_the_score_is_all_there_is():
    model = Fixed(LABELS, [0.9, 0.6, 0.8])
    _, table = prelabel_image(LABELS.astype(np.uint8), model, Settings(agreement=0))
    assert len(model.calls) == 1
    np.testing.assert_allclose(table.sort_values("label")["confidence"], [0.9, 0.6, 0.8], rtol=1e-6)


def test_calibrated_scores_need_no_views_unless_they_are_asked_for():
    model = Fixed(LABELS, [0.9, 0.6, 0.8])
    model.info.confidence = "fitted"
    _, table = prelabel_image(LABELS.astype(np.uint8), model)
    assert len(model.calls) == 1
    np.testing.assert_allclose(table.sort_values("label")["confidence"], [0.9, 0.6, 0.8], rtol=1e-6)
    prelabel_image(LABELS.astype(np.uint8), model, Settings(agreement=1))
    assert len(model.calls) == 3
    assert [Settings().views(calibrated) for calibrated in (True, False)] == [0, 2]


def test_area_limits_keep_scores_with_their_nuclei():
    labels = draw("""
        3.11....
        ..11.222
    """)
    model = Fixed(labels, [0.9, 0.6, 0.8])
    kept, table = prelabel_image(
        labels.astype(np.uint8), model, Settings(min_area=2, max_area=4, agreement=0)
    )
    assert kept.max() == 2  # 3 is gone, and 2 follows 1 in reading order
    np.testing.assert_allclose(table.sort_values("label")["score"], [0.9, 0.6], rtol=1e-6)
    kept, table = prelabel_image(
        labels.astype(np.uint8), Fixed(labels, [0.9, 0.6, 0.8]), Settings(max_area=3, agreement=0)
    )
    np.testing.assert_allclose(table.sort_values("label")["score"], [0.8, 0.6], rtol=1e-6)


def test_model_by_name(monkeypatch):
    from nucseg_tf.inference import segmenter

    model = Fixed(LABELS, [1, 1, 1])
    monkeypatch.setattr(segmenter, "load_model", lambda name: {"some": model}[name])
    labels, _ = prelabel_image(LABELS.astype(np.uint8), "some", Settings(agreement=0))
    assert labels.max() == 3


@pytest.mark.parametrize("value", [True, False])
def test_a_mask_is_an_image_too(value):
    image = np.full((50, 60), not value)
    image[15:35, 20:40] = value
    if value:
        assert prelabel_image(image, "classical")[0].max() == 1


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((3, 40, 40)),
        np.zeros(5),
        np.zeros((0, 4)),
        np.eye(4) * 1j,
        np.full((4, 4), np.nan),
        SimpleNamespace(),
    ],
    ids=repr,
)
def test_arrays_that_are_no_image(image):
    with pytest.raises(ImageReadError):
        prelabel_image(image, "classical")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"agreement": 8}, "--agreement: expected 0 to 7 views. Received: 8"),
        ({"agreement": -1}, "--agreement"),
        ({"min_area": 0}, "--min-area: expected 1 px or more. Received: 0"),
        ({"max_area": -5}, "--max-area"),
        (
            {"min_area": 9, "max_area": 8},
            "--min-area must not exceed --max-area. Received: 9 and 8",
        ),
        ({"threshold": "mean"}, "--threshold"),
        ({"diameter": -1}, "--diameter"),
        ({"pixel_size": 0}, "--pixel-size: expected a positive number. Received: 0"),
    ],
)
def test_settings_that_make_no_sense(options, text):
    with pytest.raises(UsageError, match=text):
        Settings(**options)
