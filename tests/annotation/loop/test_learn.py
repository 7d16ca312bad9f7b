"""Which field comes first, and why."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from nucseg_tf.annotation.loop.learn import (
    FEATURES,
    SCALES,
    describe,
    differences,
    features,
    judge,
)
from nucseg_tf.inference.measure import measure

PLAIN = [3.0, -1.0, 5.0, -0.5, -1.0]


def known(nuclei: int, wrong: float, unsure: int, values=PLAIN) -> dict:
    return {"nuclei": nuclei, "wrong": wrong, "unsure": unsure, "features": list(values)}


def test_what_is_known_of_a_field(toy):
    image, labels = toy
    nuclei = labels.max()
    table = measure(labels, image)
    confidence, again = np.linspace(0.2, 0.9, nuclei), np.full(nuclei, 0.8)
    again[1] = 0.69
    found = describe(image, table, confidence, again)
    assert found["nuclei"] == nuclei
    assert found["wrong"] == pytest.approx(sum(1 - p for p in confidence), abs=1e-3)
    assert found["unsure"] == 1
    assert len(found["features"]) == len(FEATURES) == len(SCALES)
    assert describe(image, table, confidence, None)["unsure"] == 0


def test_features_are_what_they_are_called(toy):
    image, labels = toy
    values = features(image, measure(labels, image))
    areas = [np.sum(labels == n) for n in range(1, labels.max() + 1)]
    assert values[0] == pytest.approx(np.log(np.sqrt(4 * np.median(areas) / np.pi)), abs=1e-6)
    assert values[1] == pytest.approx(np.log(np.mean(labels > 0) + 1e-3), abs=1e-6)
    twice = features(image.astype(np.uint16) * 2, measure(labels, image.astype(np.uint16) * 2))
    assert twice[2] > values[2]  # brighter, and else the same
    np.testing.assert_allclose(np.delete(twice, 2), np.delete(values, 2), atol=1e-3)


def test_features_of_an_empty_field():
    image = np.full((9, 9), 7, np.uint8)
    assert np.isfinite(features(image, measure(np.zeros((9, 9), np.int32), image))).all()


def test_features_of_a_nucleus_that_fills_its_field(toy):
    image, labels = toy
    full = np.ones_like(labels)
    assert np.isfinite(features(image, measure(full, image))).all()


def test_more_wrong_nuclei_come_first_and_are_said():
    fields = {"good": known(50, 0.2, 0), "bad": known(50, 20.3, 4), "some": known(50, 5, 0)}
    judged = judge(fields, [])
    assert sorted(fields, key=lambda key: -judged[key].value) == ["bad", "some", "good"]
    assert judged["bad"].value == pytest.approx((20.3 + 0.2) / 51 + (4 + 0.2) / 51, abs=1e-4)
    assert judged["bad"].why == (
        "about 20 of 50 nuclei probably wrong; 4 found otherwise where the field is mirrored"
    )
    assert judged["good"].why == "50 nuclei, probably right"


def test_one_doubtful_nucleus_does_not_go_before_fifty():
    judged = judge({"one": known(1, 0.9, 0), "fifty": known(50, 45, 0)}, [])
    assert judged["fifty"].value > judged["one"].value
    assert (
        judge({"none": known(0, 0, 0)}, [])["none"].why == "no nucleus was found; are there none?"
    )


def test_what_is_unlike_the_corrected_fields_comes_before_what_is_like_them():
    large = [PLAIN[0] + 4, *PLAIN[1:]]
    fields = {"like": known(20, 2, 1), "unlike": known(20, 2, 1, large)}
    assert judge(fields, [])["like"] == judge(fields, [])["unlike"]
    judged = judge(fields, [PLAIN])
    assert judged["unlike"].value > judged["like"].value
    assert judged["unlike"].why.endswith("; unlike the corrected fields: larger nuclei")
    assert "unlike" not in judged["like"].why
    dim = [large[0], large[1], large[2] - 20, *large[3:]]
    assert judge({"dim": known(20, 2, 1, dim)}, [large])["dim"].why.endswith(": dimmer")


def test_differences_are_from_the_nearest():
    rng = np.random.default_rng(0)
    values, corrected = rng.normal(size=(6, 5)), rng.normal(size=(4, 5))
    expected = []
    for value in values:
        away = [(value - other) / SCALES for other in corrected]
        expected.append(min(away, key=lambda row: sum(map(abs, row))))
    np.testing.assert_allclose(differences(values, corrected), expected)
    assert not differences(values, corrected[:0]).any()


def test_thousands_of_fields_take_no_table_of_all_pairs():
    rng = np.random.default_rng(1)
    values, corrected = rng.normal(size=(3000, 5)), rng.normal(size=(3000, 5))
    tracemalloc.start()
    found = differences(values, corrected)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10e6  # all pairs: 360 MB
    for value, away in zip(values[:20], found, strict=False):  # the naive twin
        every = (value - corrected) / np.array(SCALES)
        np.testing.assert_allclose(away, every[np.abs(every).sum(axis=1).argmin()])
    assert judge({}, [PLAIN]) == {}
