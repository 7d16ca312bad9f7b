"""Tools that give pixels to nuclei, or take them, where a hand has drawn or a model has looked.

They take no pixels from another nucleus, except painting with `over`.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.patches import LabelMap, Result
from nucseg_tf.annotation.editor.shapes import CRUMB, piece_sizes, stroke_mask
from nucseg_tf.annotation.magic.look import Look
from nucseg_tf.errors import LabelError
from nucseg_tf.imaging.components import components
from nucseg_tf.io.boxes import Box, shifted, slices
from nucseg_tf.io.polygons import polygon_mask

BESIDE = 2  # px from the selected nucleus where a stroke still extends it
MAX_CROSSINGS = 5_000_000  # edges of an outline times the rows they pass; bounds its memory


def draw(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Paint: extends the nucleus begun in, else the selected one beside it, else makes one."""
    box, mask = stroke_mask(points, message.size, labels.pixels.shape)
    near = _under(labels, points[:1], 2 * BESIDE + 1)
    beside = [label for label in known if label in near]
    label = next(iter(_under(labels, points[:1], 1) + beside), labels.next_label)
    return _paint(labels, box, mask, label, message.over)


def polygon(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Fill an outline with a new nucleus."""
    from scipy.ndimage import binary_fill_holes

    try:
        box, mask = polygon_mask(points, labels.pixels.shape, MAX_CROSSINGS)
    except LabelError as error:  # the annotator's doing, not a file's
        raise EditError(str(error)) from error
    if mask.any():
        mask = binary_fill_holes(mask)  # where a hand-drawn outline crosses itself
    return _paint(labels, box, mask, labels.next_label, message.over)


def magic(labels: LabelMap, look: Look | None) -> Result:
    """Outline the nucleus that is seen under a click; one that is there already keeps its label."""
    if look is None:
        raise EditError("nobody has looked there; click again")
    row, column = look.box[0] + look.place[0], look.box[1] + look.place[1]
    own = int(labels.pixels[row, column])
    window = labels.window(look.box, [own])
    after = labels.crop(window)
    inner = after[slices(shifted(look.box, window))]
    outline = look.outline((inner > 0) & (inner != own))
    if outline is None or outline.sum() < CRUMB:
        raise EditError("no nucleus is seen there; draw it")
    label = own or labels.next_label
    if own:
        after[after == own] = 0
    inner[outline] = label
    return window, after, [label]


def erase(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Rub out: of the nucleus begun in, or of all where the stroke begins in the background."""
    box, mask = stroke_mask(points, message.size, labels.pixels.shape)
    after = labels.crop(box)
    begun_in = _under(labels, points[:1], 1)
    after[mask & (np.isin(after, begun_in) if begun_in else after > 0)] = 0
    return box, after, known


def _paint(labels: LabelMap, box: Box, mask: np.ndarray, label: int, over: bool) -> Result:
    """Give pixels to a label, as far as they hang together with it."""
    if not mask.any():
        raise EditError("too small, or outside the field")
    window = labels.window(box, [label])
    after = labels.crop(window)
    paint = np.zeros(after.shape, bool)
    paint[slices(shifted(box, window))] = mask
    own = after == label
    region = own | (paint if over else paint & (after == 0))
    numbered, _ = components(region, connectivity=8)
    sizes = piece_sizes(numbered)
    if own.any():
        keep = np.unique(numbered[own])
    else:
        keep = np.array([sizes.argmax() + 1]) if sizes.size else np.array([], int)
    after[np.isin(numbered, keep) & region] = label
    return window, after, [label]


def _under(labels: LabelMap, points: np.ndarray, size: int) -> list[int]:
    """Labels under a brush."""
    box, mask = stroke_mask(points, size, labels.pixels.shape)
    return [int(label) for label in np.unique(labels.crop(box)[mask]) if label]
