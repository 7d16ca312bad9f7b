from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.errors import UsageError
from nucseg_tf.evaluation.stress.crowd import cut_out
from nucseg_tf.evaluation.stress.kinds import KINDS, alter, check_kinds

OTHER_SHAPE = {"zoom_0.33", "zoom_0.6", "zoom_1.7", "zoom_3", "one_nucleus"}
OTHER_TRUTH = {"crowded", "inverted_patch", "empty", "specks", "fibres", "dust", "haze"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_gives_the_same_field_again(scenes, kind):
    cutouts = cut_out(scenes)
    one, again = (alter(kind, scenes[0], cutouts, seed=4) for _ in range(2))
    for name in ("pixels", "labels", "ignored"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert one.pixels.shape == one.labels.shape == one.ignored.shape
    assert one.pixels.dtype in (np.uint8, np.uint16)
    assert one.labels.dtype == np.int32
    assert not one.labels[one.ignored].any()
    if kind not in OTHER_SHAPE:
        assert one.labels.shape == scenes[0].labels.shape
    if kind not in OTHER_SHAPE | OTHER_TRUTH:
        np.testing.assert_array_equal(one.labels, scenes[0].labels)


def test_another_seed_or_field_is_another_draw(scenes):
    first = alter("noise", scenes[0], [], seed=0).pixels
    assert not np.array_equal(first, alter("noise", scenes[0], [], seed=1).pixels)
    places = [alter("glare", scene, []).pixels / 16 - scene.pixels for scene in scenes[:2]]
    assert not np.array_equal(*places)


def test_an_unknown_kind_is_refused_with_those_there_are(scene):
    with pytest.raises(UsageError, match=r"no kind zoom_4; expected .*zoom_3.*haze"):
        alter("zoom_4", scene, [])
    check_kinds(["zoom_3", "haze"])
