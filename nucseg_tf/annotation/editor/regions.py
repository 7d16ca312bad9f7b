"""Regions of a field in which everything is corrected; without any it is the whole field."""

from __future__ import annotations

import numpy as np

from nucseg_tf.annotation.editor.journal import Entry
from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.store import Store


def region_entry(store: Store, message: Message) -> Entry:
    """The entry that makes these the finished regions.

    Raises:
        EditError: a box is empty, or not in the field.
    """
    height, width = store.labels.pixels.shape
    for y0, x0, y1, x1 in message.boxes:
        if not (y0 < y1 <= height and x0 < x1 <= width):
            raise EditError(
                f"expected regions inside the field, {height} x {width} px. Received: "
                f"{[y0, x0, y1, x1]}"
            )
    return {
        "type": "region",
        "id": message.id,
        "tool": "region",
        "boxes": message.boxes,
        "before": store.regions,
    }


def count_finished(store: Store) -> int:
    """How many nuclei of a field are in its finished regions, in part at least; all without any."""
    if not store.regions:
        return len(store.labels.nuclei)
    pixels = store.labels.pixels
    inside = (np.unique(pixels[y0:y1, x0:x1]) for y0, x0, y1, x1 in store.regions)
    return len(set(np.concatenate(list(inside)).tolist()) - {0})
