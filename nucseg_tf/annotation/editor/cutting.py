"""Tools that make two nuclei of one, and one of two."""

from __future__ import annotations

import numpy as np

from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.patches import LabelMap, Result
from nucseg_tf.annotation.editor.shapes import CRUMB, piece_sizes, stroke_mask
from nucseg_tf.imaging.components import components
from nucseg_tf.io.boxes import clip_box, enclosing, grown, shifted, slices

MAX_GAP = 5  # px between nuclei that "merge" bridges
SHORT = 4  # px that a line that splits may lack at each end
_SQUARE = np.ones((3, 3), np.uint8)


def split(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Cut nuclei along a line, lengthened if need be; its pixels go to the larger piece beside."""
    for way in (points, _lengthened(points)):
        box, line = stroke_mask(way, 1, labels.pixels.shape)
        crossed = [int(label) for label in np.unique(labels.crop(box)[line]) if label]
        first = [label for label in crossed if label in known]
        for candidates in (first, crossed):
            window = labels.window(box, candidates)
            after = labels.crop(window)
            cut = np.zeros(after.shape, bool)
            cut[slices(shifted(box, window))] = line
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


def merge(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
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
