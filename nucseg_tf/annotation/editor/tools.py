"""The tools of an annotator: each makes a patch of a label map from a small message.

After an edit every label that it touched is one piece (8 neighbours): of a nucleus cut in two the
largest piece keeps the label and each other becomes a nucleus of its own, unless it is a crumb of
fewer than CRUMB pixels, which becomes background. No tool takes pixels from another nucleus, except
painting with `over`.

The tools stand in `painting`, `cutting` and `selected`, and look alike: each takes the label map,
the message, its points (N, 2) and those of its labels that are there, and returns a
`patches.Result`.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.annotation.editor.cutting import merge, split
from nucseg_tf.annotation.editor.message import NEEDS_LABELS, EditError, Message
from nucseg_tf.annotation.editor.painting import draw, erase, magic, polygon
from nucseg_tf.annotation.editor.patches import LabelMap, Patch
from nucseg_tf.annotation.editor.selected import delete, fill, grow, shrink
from nucseg_tf.annotation.editor.shapes import CRUMB, piece_sizes
from nucseg_tf.annotation.magic.look import Look
from nucseg_tf.imaging.components import components
from nucseg_tf.io.boxes import find_nuclei, shifted, slices

_TOOLS = {
    "draw": draw,
    "polygon": polygon,
    "erase": erase,
    "split": split,
    "merge": merge,
    "delete": delete,
    "fill": fill,
    "grow": grow,
    "shrink": shrink,
}
_NOTHING = {
    "draw": "nothing to paint there: pixels of other nuclei are kept",
    "polygon": "no free pixels in this outline",
    "magic": "the outline there is what is seen",
    "erase": "nothing to erase there",
    "fill": "this nucleus has no holes",
    "grow": "no free pixels around this nucleus",
}


def make_patch(
    labels: LabelMap, message: Message, look: Look | None = None
) -> tuple[Patch, list[int]]:
    """What a tool changes.

    Args:
        labels: of the field; stay as they are.
        message: any but undo and redo.
        look: what is seen at the first of its points; of "magic".

    Returns:
        The patch, and the labels to be selected after it.

    Raises:
        EditError: the edit makes no sense here, or changes nothing.
    """
    known = [label for label in dict.fromkeys(message.labels) if label in labels.nuclei]
    if message.tool in NEEDS_LABELS and not known:
        raise EditError(f"this nucleus is gone. Received: {message.labels[:5]}")
    points = np.array(message.points, float).reshape(-1, 2)
    if message.tool == "magic":
        box, after, chosen = magic(labels, look)
    else:
        box, after, chosen = _TOOLS[message.tool](labels, message, points, known)
    patch = labels.patch(box, after)
    if patch is None:
        raise EditError(_NOTHING.get(message.tool, "nothing to change there"))
    return _settle(labels, patch), chosen


def _settle(labels: LabelMap, patch: Patch) -> Patch:
    """Make every label that a patch touches one piece (see the module docstring)."""
    touched = patch.touched()
    window = labels.window(patch.box, touched)
    after = labels.crop(window)
    after[slices(shifted(patch.box, window))] = patch.after
    free = max(labels.next_label, max(touched, default=0) + 1)
    boxes = {label: nucleus.box for label, nucleus in find_nuclei(after).items()}
    for label in touched:
        if label not in boxes:
            continue
        own = after[slices(boxes[label])]  # not the whole window for each of many
        numbered, _ = components(own == label, connectivity=8)
        sizes = piece_sizes(numbered)
        for part in np.argsort(-sizes, kind="stable")[1:] + 1:
            whole = sizes[part - 1] >= CRUMB
            own[numbered == part] = free if whole else 0
            free += int(whole)
    return labels.patch(window, after) or patch
