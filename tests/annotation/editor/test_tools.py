"""What each tool does to drawn labels, and that labels stay whole."""

from __future__ import annotations

import numpy as np
import pytest
from reference.edits import TWO, edit

from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.patches import LabelMap
from nucseg_tf.annotation.editor.tools import make_patch
from nucseg_tf.imaging.components import components
from nucseg_tf.io.boxes import slices


@pytest.mark.parametrize("tool", ["delete", "grow", "merge"])
def test_nuclei_that_are_gone_are_named(tool):
    with pytest.raises(EditError, match=r"is gone. Received: \[8, 9\]"):
        edit(TWO, tool, labels=[8, 9])


@pytest.mark.parametrize("tool", ["draw", "erase", "polygon"])
def test_nothing_happens_outside_the_field(tool):
    points = [[-40, -40], [-40, -30], [-30, -30]]
    with pytest.raises(EditError):
        edit(TWO, tool, points=points, size=5)


def test_every_edit_leaves_whole_labels():
    rng = np.random.default_rng(5)
    whole = LabelMap(np.zeros((40, 50), np.int32))
    made = 0
    for _ in range(400):
        tool = str(rng.choice(["draw", "erase", "polygon", "split", "grow", "shrink", "fill"]))
        points = rng.uniform(-5, 55, (5, 2)).round(2).tolist()
        known = list(whole.nuclei)
        options = {"points": points, "size": int(rng.integers(1, 9)), "over": bool(made % 2)}
        options |= {"labels": [int(rng.choice(known))]} if known else {"labels": [1]}
        try:
            message = Message(id="x" * 8, revision=0, tool=tool, **options)
            patch = make_patch(whole, message)[0]
        except EditError:
            continue
        made += 1
        whole.apply(patch.box, patch.after)
        for label in patch.touched():
            assert components(whole.pixels == label, connectivity=8)[1] <= 1
        assert np.array_equal(whole.pixels[slices(patch.box)], patch.after)
    assert made > 150
