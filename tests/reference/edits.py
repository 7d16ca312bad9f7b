"""Label maps drawn as text, and edits of them, for tests of the tools."""

from __future__ import annotations

import numpy as np

from nucseg_tf.annotation.editor.message import Message
from nucseg_tf.annotation.editor.patches import LabelMap
from nucseg_tf.annotation.editor.tools import make_patch
from nucseg_tf.annotation.magic.look import Look


def drawn(text: str) -> np.ndarray:
    """Labels from lines of digits, "." for background."""
    rows = [list(line.strip().replace(".", "0")) for line in text.split()]
    return np.array(rows, np.int32)


def edit(
    before: np.ndarray, tool: str, look: Look | None = None, **options
) -> tuple[np.ndarray, list[int]]:
    """The labels after an edit, and those that it selects."""
    whole = LabelMap(before)
    patch, chosen = make_patch(whole, Message(id="x" * 8, revision=0, tool=tool, **options), look)
    assert np.array_equal(whole.pixels, before), "only the session changes labels"
    whole.apply(patch.box, patch.after)
    return whole.pixels, chosen


TWO = drawn("""
    ..........
    .111.22...
    .111.22...
    .111.22...
    ..........
""")
