"""RoIAlign: features of boxes, sampled bilinearly at exact places, from the level that fits.

B images, R boxes, L levels, C channels, M cells a side, q samples a cell and axis.
Source: He et al., "Mask R-CNN" (2017), section 3; "aligned" as torchvision.ops.roi_align: the
centre of pixel 0 lies at 0.5 px.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from keras import ops

from nucseg_tf.families.mask_rcnn.boxes import SMALLEST, areas


def levels_of(boxes, strides: Sequence[int], finest_size: float):
    """The level that each box is read from: finer for smaller ones.

    Source: Lin et al., "Feature Pyramid Networks" (2017), equation 1, where boxes below 112 px are
    read from the level of stride 4.

    Args:
        boxes: (B, R, 4), px.
        strides: of the L levels, each double the one before.
        finest_size: px; boxes whose area has a smaller root are read from the finest level, those
            below twice that from the next one, and so on.

    Returns:
        (B, R) int32, 0 to L - 1.
    """
    roots = ops.sqrt(ops.maximum(areas(boxes), SMALLEST))
    level = ops.floor(ops.log(roots / finest_size) / math.log(2.0)) + 1.0
    return ops.cast(ops.clip(level, 0.0, len(strides) - 1.0), "int32")


def places(start, stop, count: int, last):
    """Where to sample along one axis, and how much of each pixel.

    Args:
        start: (B, R) where boxes begin, in pixels of a map; the middle of pixel 0 lies at 0.5.
        stop: (B, R) where they end.
        count: samples, spread evenly.
        last: the last pixel of the map; a number, or (B, R). Beyond it and before 0, the pixel at
            the edge is taken.

    Returns:
        Two pairs: the pixel before each sample, (B, R, count) int32, and its share, float32; the
        pixel after it, and its share.
    """
    steps = (ops.arange(count, dtype="float32") + 0.5) / count
    last = ops.expand_dims(ops.convert_to_tensor(last, "float32"), -1)
    place = ops.expand_dims(start, -1) + ops.expand_dims(stop - start, -1) * steps - 0.5
    place = ops.clip(place, 0.0, last)
    before = ops.floor(place)
    after = ops.minimum(before + 1.0, last)
    share = place - before
    return (ops.cast(before, "int32"), 1.0 - share), (ops.cast(after, "int32"), share)


def roi_align(
    features, boxes, strides: Sequence[int], cells: int, samples: int, finest_size: float
):
    """Read the features of boxes.

    Args:
        features: L arrays (B, H_l, W_l, C), finest first.
        boxes: (B, R, 4), px of the image.
        strides: px of the image a cell of each level.
        cells: M.
        samples: q; the value of a cell is the mean of q x q samples.
        finest_size: see `levels_of`.

    Returns:
        (B, R, M, M, C).
    """
    count, channels = ops.shape(boxes)[1], features[0].shape[-1]
    sizes = [ops.shape(feature)[1:3] for feature in features]
    *firsts, pixels = itertools.accumulate((height * width for height, width in sizes), initial=0)
    level = levels_of(boxes, strides, finest_size)

    def of_level(values, dtype):
        return ops.take(ops.stack([ops.cast(value, dtype) for value in values]), level, axis=0)

    stride = of_level(strides, "float32")
    (rows, down), (columns, right) = (
        _taps(
            boxes[..., axis] / stride,
            boxes[..., axis + 2] / stride,
            cells,
            samples,
            of_level([size[axis] - 1 for size in sizes], "float32"),
        )
        for axis in (0, 1)
    )
    flat = ops.concatenate(
        [
            ops.reshape(feature, (-1, height * width, channels))
            for feature, (height, width) in zip(features, sizes, strict=True)
        ],
        axis=1,
    )
    images = ops.arange(ops.shape(boxes)[0], dtype="int32")[:, None] * pixels
    first = of_level(firsts, "int32") + images
    width = of_level([size[1] for size in sizes], "int32")
    lines = first[..., None, None] + rows * width[..., None, None]
    index = lines[:, :, :, None, :, None] + columns[:, :, None, :, None, :]
    share = down[:, :, :, None, :, None] * right[:, :, None, :, None, :]
    # One product with all pixels of a cell: sums of products, one by one, take three times as long.
    taps = (2 * samples) ** 2
    index = ops.reshape(index, (-1, count, cells, cells, taps))
    share = ops.reshape(share, (-1, count, cells, cells, 1, taps))
    seen = ops.take(ops.reshape(flat, (-1, channels)), index, axis=0)
    return ops.squeeze(ops.matmul(share, seen), -2)


def _taps(start, stop, cells: int, samples: int, last):
    """The pixels that each cell along an axis is made of, and how much of each.

    Args:
        start, stop, last: see `places`.
        cells: M.
        samples: q.

    Returns:
        (B, R, M, 2 * q) int32, and as many float32.
    """
    before, after = places(start, stop, cells * samples, last)
    shape = (-1, ops.shape(start)[1], cells, 2 * samples)
    pixels, shares = (
        ops.reshape(ops.stack(pair, -1), shape) for pair in zip(before, after, strict=True)
    )
    return pixels, shares / samples
