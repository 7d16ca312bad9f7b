"""What prediction asks of the network, each part compiled by itself; between them `detect` chooses.

B tiles h x w, A anchors, R boxes, M cells a side of a mask; boxes (y0, x0, y1, x1), float32 px.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras import ops

from nucseg_tf.engines.base import Part, Parts
from nucseg_tf.families.mask_rcnn import boxes as coding
from nucseg_tf.layers.pyramid import BOX_STRIDES, MASK_STRIDES, STRIDES

if TYPE_CHECKING:
    from nucseg_tf.families.mask_rcnn.network import MaskRCNN


def parts_of(network: MaskRCNN) -> Parts:
    """The parts of a network, by name.

    Returns:
        `see`, from tiles (B, h, w, 1) to what `score` reads (4 levels), what `draw` reads (5
        levels, or none if it reads those of `score`), logits (B, A) and boxes (B, A, 4) of anchors;
        `score`, from levels and boxes (B, R, 4) to logits (B, R) and better boxes (B, R, 4);
        `draw`, from levels and boxes to masks (B, R, M, M) in [0, 1].
    """
    for_boxes, for_masks = slice(len(BOX_STRIDES)), slice(len(STRIDES), None)
    shapes = [tuple(level.shape) for level in network.backbone.outputs]
    before = [None] * len(STRIDES) if shapes[for_masks] else []  # levels that `draw` does not read

    def see(image):
        found = network(image, training=False)
        levels, offsets = found["levels"], found["rpn_offsets"]
        moved = coding.decode(offsets, network.anchors(*ops.shape(image)[1:3]))
        return *levels[for_boxes], *levels[for_masks], found["rpn_logits"], moved

    def score(*inputs):
        *levels, boxes = inputs
        logits, offsets = network.score_boxes(levels, boxes)
        return logits, coding.decode(offsets, boxes)

    def draw(*inputs):
        *levels, boxes = inputs
        return ops.sigmoid(network.draw_masks([*before, *levels], boxes))

    boxes = (None, None, 4)
    masks = shapes[for_masks] or shapes[for_boxes]
    box_levels = tuple(f"box_level_{stride}" for stride in BOX_STRIDES)
    mask_levels = tuple(f"mask_level_{stride}" for stride in MASK_STRIDES)
    mask_levels = mask_levels if shapes[for_masks] else ()
    seen = (*box_levels, *mask_levels, "anchor_logits", "boxes")
    better = ("box_logits", "better_boxes")
    scored, drawn = (*box_levels, "boxes"), (*(mask_levels or box_levels), "boxes")
    return {
        "see": Part(see, ((None, None, None, 1),), gives=seen),
        "score": Part(score, (*shapes[for_boxes], boxes), True, scored, better),
        "draw": Part(draw, (*masks, boxes), True, drawn, ("masks",)),
    }
