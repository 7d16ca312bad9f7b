"""Agreement of views, and the confidence that comes of it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from reference.drawn import draw

from nucseg_tf.annotation.prelabel.classical import Classical, cut, prepare
from nucseg_tf.annotation.prelabel.confidence import (
    agreement,
    best_iou,
    confidence,
    threshold_views,
    turned_views,
)
from nucseg_tf.families.fpn2ws.decode import components

LABELS = draw("""
    11..22.
    11..22.
    .....3.
""")
VIEW = draw("""
    99..44.
    9...44.
    9..8...
""")


def test_best_iou_of_each_nucleus():
    # 1: 3 px of a union of 4 + 4 - 3 = 5. 2: 4 of 4. 3: met by none.
    np.testing.assert_allclose(best_iou(LABELS, VIEW), [3 / 5, 1, 0])


def test_best_iou_takes_the_better_of_two_partners():
    # 1 is 4 px; it shares 3 with a nucleus of 3, and 1 with a nucleus of 1.
    np.testing.assert_allclose(best_iou(draw("1111"), draw("2223")), [3 / 4])


def test_agreement_is_the_mean_over_views():
    np.testing.assert_allclose(agreement(LABELS, [VIEW, LABELS]), [0.8, 1, 0.5])
    np.testing.assert_array_equal(agreement(LABELS, [np.zeros_like(LABELS)]), [0, 0, 0])
    assert agreement(LABELS, []) is None


def test_confidence_is_the_mean_of_score_and_agreement():
    scores, agreements = np.array([0.9, 0.5], np.float32), np.array([0.7, 1.0])
    np.testing.assert_allclose(confidence(scores, agreements, 2), [0.8, 0.75])
    np.testing.assert_allclose(confidence(scores, None, 2), [0.9, 0.5])
    np.testing.assert_allclose(confidence(None, agreements, 2), [0.7, 1.0])
    assert np.isnan(confidence(None, None, 2)).all()


def model(find) -> SimpleNamespace:
    """Stands for a model; `find` makes (H, W) labels of an image."""
    return SimpleNamespace(
        predict_instances=lambda image, **options: SimpleNamespace(labels=find(image))
    )


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_views_are_turned_back_in_place(count):
    image = LABELS.astype(np.float32)  # neither square nor symmetrical
    everywhere = model(lambda seen: components(seen > 0)[0])
    views = list(turned_views(everywhere, image, count))
    assert len(views) == count
    for view in views:
        np.testing.assert_array_equal(view > 0, LABELS > 0)


def test_a_model_that_only_knows_one_side_disagrees_with_itself():
    image = (LABELS > 0).astype(np.float32)

    def left(seen):
        return np.where(np.arange(seen.shape[1]) < 2, seen, 0).astype(np.int32)

    # Of columns 0 and 1 only; mirrored, those are columns 5 and 6 of the image.
    labels = left(image)
    np.testing.assert_array_equal(agreement(labels, turned_views(model(left), image, 1)), [0])


def test_options_reach_the_model():
    seen = []
    spy = SimpleNamespace(
        predict_instances=lambda image, **options: (
            seen.append(options) or SimpleNamespace(labels=image)
        )
    )
    list(turned_views(spy, LABELS, 1, diameter=9))
    assert seen == [{"diameter": 9}]


def test_soft_nuclei_agree_less_across_thresholds_than_sharp_ones():
    rows, columns = np.indices((60, 120))
    sharp = np.hypot(rows - 30, columns - 30) <= 14
    soft = np.maximum(0, 1 - np.hypot(rows - 30, columns - 90) / 28)
    settings = Classical()
    prepared = prepare(1000 * (sharp + soft), "local")
    labels = cut(prepared, settings)
    found = agreement(labels, threshold_views(prepared, settings, 2))
    assert labels.max() == 2
    at = [labels[30, 30] - 1, labels[30, 90] - 1]
    assert found[at[0]] > 0.95
    assert found[at[1]] < 0.9
