"""The tools of an annotator: each makes a patch of a label map from a small message.

After an edit every label that it touched is one piece (8 neighbours): of a nucleus cut in two the
largest piece keeps the label and each other becomes a nucleus of its own, unless it is a crumb of
fewer than CRUMB pixels, which becomes background. No tool takes pixels from another nucleus, except
painting with `over`.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.annotation.editor.message import NEEDS_LABELS, EditError, Message
from nucseg_tf.annotation.editor.patches import LabelMap, Patch
from nucseg_tf.annotation.editor.shapes import piece_sizes, stroke_mask
from nucseg_tf.annotation.magic.look import Look
from nucseg_tf.errors import LabelError
from nucseg_tf.imaging.components import components
from nucseg_tf.io.boxes import Box, clip_box, enclosing, find_nuclei, grown, slices
from nucseg_tf.io.polygons import polygon_mask

CRUMB = 4
MAX_GAP = 5  # px between nuclei that "merge" bridges
SHORT = 4  # px that a line that splits may lack at each end
BESIDE = 2  # px from the selected nucleus where a stroke still extends it
MAX_CROSSINGS = 5_000_000  # edges of an outline times the rows they pass; bounds its memory


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
        box, after, chosen = _magic(labels, look)
    else:
        box, after, chosen = _TOOLS[message.tool](labels, message, points, known)
    patch = labels.patch(box, after)
    if patch is None:
        raise EditError(_NOTHING.get(message.tool, "nothing to change there"))
    return _settle(labels, patch), chosen


Result = tuple[Box, np.ndarray, list[int]]


def _draw(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Paint: extends the nucleus begun in, else the selected one beside it, else makes one."""
    box, mask = stroke_mask(points, message.size, labels.pixels.shape)
    near = _under(labels, points[:1], 2 * BESIDE + 1)
    beside = [label for label in known if label in near]
    label = next(iter(_under(labels, points[:1], 1) + beside), labels.next_label)
    return _paint(labels, box, mask, label, message.over)


def _polygon(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Fill an outline with a new nucleus."""
    from scipy.ndimage import binary_fill_holes

    try:
        box, mask = polygon_mask(points, labels.pixels.shape, MAX_CROSSINGS)
    except LabelError as error:  # the annotator's doing, not a file's
        raise EditError(str(error)) from error
    if mask.any():
        mask = binary_fill_holes(mask)  # where a hand-drawn outline crosses itself
    return _paint(labels, box, mask, labels.next_label, message.over)


def _magic(labels: LabelMap, look: Look | None) -> Result:
    """Outline the nucleus that is seen under a click; one that is there already keeps its label."""
    if look is None:
        raise EditError("nobody has looked there; click again")
    row, column = look.box[0] + look.place[0], look.box[1] + look.place[1]
    own = int(labels.pixels[row, column])
    window = labels.window(look.box, [own])
    after = labels.crop(window)
    inner = after[slices(_inside(look.box, window))]
    outline = look.outline((inner > 0) & (inner != own))
    if outline is None or outline.sum() < CRUMB:
        raise EditError("no nucleus is seen there; draw it")
    label = own or labels.next_label
    if own:
        after[after == own] = 0
    inner[outline] = label
    return window, after, [label]


def _paint(labels: LabelMap, box: Box, mask: np.ndarray, label: int, over: bool) -> Result:
    """Give pixels to a label, as far as they hang together with it."""
    if not mask.any():
        raise EditError("too small, or outside the field")
    window = labels.window(box, [label])
    after = labels.crop(window)
    paint = np.zeros(after.shape, bool)
    paint[slices(_inside(box, window))] = mask
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


def _erase(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Rub out: of the nucleus begun in, or of all where the stroke begins in the background."""
    box, mask = stroke_mask(points, message.size, labels.pixels.shape)
    after = labels.crop(box)
    begun_in = _under(labels, points[:1], 1)
    after[mask & (np.isin(after, begun_in) if begun_in else after > 0)] = 0
    return box, after, known


def _split(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Cut nuclei along a line, lengthened if need be; its pixels go to the larger piece beside."""
    for way in (points, _lengthened(points)):
        box, line = stroke_mask(way, 1, labels.pixels.shape)
        crossed = [int(label) for label in np.unique(labels.crop(box)[line]) if label]
        first = [label for label in crossed if label in known]
        for candidates in (first, crossed):
            window = labels.window(box, candidates)
            after = labels.crop(window)
            cut = np.zeros(after.shape, bool)
            cut[slices(_inside(box, window))] = line
            made = _cut(after, cut, candidates, labels.next_label)
            if made:
                return window, after, made
    raise EditError("the line does not cut a nucleus in two: begin and end it outside")


def _lengthened(points: np.ndarray) -> np.ndarray:
    """A way (N, 2) that goes straight on for SHORT px at both ends."""
    ends = []
    for way in (points, points[::-1]):
        away = np.hypot(*(way - way[0]).T)
        before = way[int((away >= SHORT).argmax()) or -1]  # a hand trembles from point to point
        ends.append(way[0] + (way[0] - before) * SHORT / max(np.hypot(*(way[0] - before)), 1e-9))
    return np.concatenate((ends[:1], points, ends[1:]))


def _cut(after: np.ndarray, line: np.ndarray, candidates: list[int], free: int) -> list[int]:
    """Cut labels in place; returns those that the cut made or left."""
    made: list[int] = []
    for label in candidates:
        mask = after == label
        numbered, _ = components(mask & ~line, connectivity=4)  # a line of 8 neighbours parts these
        sizes = piece_sizes(numbered)
        large = [int(i) + 1 for i in np.argsort(-sizes, kind="stable") if sizes[i] >= CRUMB]
        if len(large) < 2:
            continue
        made.append(label)
        _give_away(numbered, mask, large)
        for part in large[1:]:
            after[numbered == part] = free
            made.append(free)
            free += 1
    return made


def _give_away(numbered: np.ndarray, mask: np.ndarray, large: list[int]) -> None:
    """Give the pixels of a mask that are in no large piece to a piece beside them, in place."""
    import cv2

    rest = mask & ~np.isin(numbered, large)
    numbered[rest] = 0
    found = True
    while found:
        found = False
        for part in large:
            near = rest & (cv2.dilate((numbered == part).astype(np.uint8), _SQUARE) > 0)
            numbered[near] = part
            rest &= ~near
            found |= bool(near.any())


def _merge(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Join nuclei under the first one's label; gaps up to MAX_GAP px are bridged."""
    import cv2

    if len(known) < 2:
        raise EditError(f"choose two or more nuclei to merge. Received: {known}")
    box = grown(enclosing([labels.nuclei[label].box for label in known]), MAX_GAP)
    box = clip_box(box, labels.pixels.shape)
    after = labels.crop(box)
    joined = np.isin(after, known)
    for gap in range(MAX_GAP + 1):
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * gap + 1, 2 * gap + 1))
        closed = cv2.morphologyEx(joined.astype(np.uint8), cv2.MORPH_CLOSE, disk) > 0
        region = joined | (closed & (after == 0))
        if components(region, connectivity=8)[1] == 1:
            after[region] = known[0]
            return box, after, known[:1]
    raise EditError(f"these nuclei are more than {MAX_GAP} px apart; paint a bridge, then merge")


def _delete(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    box = enclosing([labels.nuclei[label].box for label in known])
    after = labels.crop(box)
    after[np.isin(after, known)] = 0
    return box, after, []


def _fill(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Fill the background that a nucleus encloses."""
    from scipy.ndimage import binary_fill_holes

    box = enclosing([labels.nuclei[label].box for label in known])
    after = labels.crop(box)
    for label in known:
        own = after[slices(_inside(labels.nuclei[label].box, box))]
        own[binary_fill_holes(own == label) & (own == 0)] = label
    return box, after, known


def _grow(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Add the background pixels beside a nucleus (4 neighbours)."""
    import cv2

    box = grown(enclosing([labels.nuclei[label].box for label in known]), 1)
    box = clip_box(box, labels.pixels.shape)
    after = labels.crop(box)
    for label in known:
        own = after[slices(_around(labels, label, box))]
        larger = cv2.dilate((own == label).astype(np.uint8), _CROSS) > 0
        own[larger & (own == 0)] = label
    return box, after, known


def _shrink(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Take the pixels beside another value (4 neighbours); the field's edge is no boundary."""
    import cv2

    box = grown(enclosing([labels.nuclei[label].box for label in known]), 1)
    box = clip_box(box, labels.pixels.shape)
    after = labels.crop(box)
    for label in known:
        own = after[slices(_around(labels, label, box))]
        mask = own == label
        smaller = cv2.erode(mask.astype(np.uint8), _CROSS) > 0
        if not smaller.any():
            raise EditError(f"nucleus {label} would vanish; delete it instead")
        own[mask & ~smaller] = 0
    return box, after, known


_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_SQUARE = np.ones((3, 3), np.uint8)
_TOOLS = {
    "draw": _draw,
    "polygon": _polygon,
    "erase": _erase,
    "split": _split,
    "merge": _merge,
    "delete": _delete,
    "fill": _fill,
    "grow": _grow,
    "shrink": _shrink,
}
_NOTHING = {
    "draw": "nothing to paint there: pixels of other nuclei are kept",
    "polygon": "no free pixels in this outline",
    "magic": "the outline there is what is seen",
    "erase": "nothing to erase there",
    "fill": "this nucleus has no holes",
    "grow": "no free pixels around this nucleus",
}


def _under(labels: LabelMap, points: np.ndarray, size: int) -> list[int]:
    """Labels under a brush."""
    box, mask = stroke_mask(points, size, labels.pixels.shape)
    return [int(label) for label in np.unique(labels.crop(box)[mask]) if label]


def _around(labels: LabelMap, label: int, window: Box) -> Box:
    """The box of a nucleus with a pixel on every side, in the coordinates of a window."""
    return _inside(clip_box(grown(labels.nuclei[label].box, 1), labels.pixels.shape), window)


def _inside(box: Box, window: Box) -> Box:
    """A box in the coordinates of a window that holds it."""
    return box[0] - window[0], box[1] - window[1], box[2] - window[0], box[3] - window[1]


def _settle(labels: LabelMap, patch: Patch) -> Patch:
    """Make every label that a patch touches one piece (see the module docstring)."""
    touched = patch.touched()
    window = labels.window(patch.box, touched)
    after = labels.crop(window)
    after[slices(_inside(patch.box, window))] = patch.after
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
