"""First weights of Mask R-CNN from Matterport's mask_rcnn_coco.h5, read as plain arrays.

`ours` are layers of our network, `theirs` those of the file. What is specific to COCO's 81 classes
(their scores, boxes and masks) is not taken.

Source of names and layout: mrcnn/model.py of github.com/matterport/Mask_RCNN (release 2.0). Its
anchors (order, ratios of width to height) and offsets (dy, dx, dh, dw over 0.1, 0.1, 0.2, 0.2) are
coded as ours are; but theirs stand at the corner of a cell, ours at its middle, half a stride
away, which training has to make up for.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from nucseg_tf.errors import InitialisationError

REMEDY = "configs/mask_rcnn_paper.yaml is the network of Matterport's mask_rcnn_coco.h5."
EPSILON = 1e-3  # of their batch normalisations: Keras' default
NORMS = ("gamma", "beta", "moving_mean", "moving_variance")
OURS_ALONE = ("box_logits", "box_offsets", "mask_logits")  # one class, not 81
SAME = {
    "conv1_conv": "conv1",
    "conv1_bn": "bn_conv1",
    "rpn_conv": "rpn_conv_shared",
    "rpn_logits": "rpn_class_raw",
    "rpn_offsets": "rpn_bbox_pred",
    "mask_enlarge": "mrcnn_mask_deconv",
    **{f"fpn_lateral{2**level}": f"fpn_c{level}p{level}" for level in range(2, 6)},
    **{f"fpn_level{2**level}": f"fpn_p{level}" for level in range(2, 6)},
}
FOLDED = {"box_dense": "mrcnn_class", "mask_conv": "mrcnn_mask"}  # ours have no normalisation

Arrays = dict[tuple[str, str], h5py.Dataset]  # by (layer, kind)
Read = Callable[[str, str], np.ndarray]


def load_coco(network: keras.Model, file: Path) -> int:
    """Set all weights of a Mask R-CNN that do not depend on COCO's classes.

    Args:
        network: a `MaskRCNN` as published, with encoder "resnet50v1" or "resnet101v1".
        file: HDF5 file of Matterport's Mask R-CNN with the same encoder.

    Returns:
        How many arrays were set.

    Raises:
        InitialisationError: if the file is missing or another one, or its arrays do not fit; the
            network is as before then.
    """
    try:
        with h5py.File(file, "r") as opened:
            settings = list(_settings(network, _arrays(opened), file))
    except (OSError, ValueError) as error:
        raise InitialisationError(
            f"{file}: cannot be read as HDF5 weights of Mask R-CNN: {error}"
        ) from error
    for variable, value in settings:
        variable.assign(value)
    return len(settings)


def theirs_of(ours: str) -> str | None:
    """The layer of the file that holds the weights of one of our layers.

    >>> theirs_of("conv2_block1_0_conv"), theirs_of("conv4_block23_3_bn")
    ('res2a_branch1', 'bn4w_branch2c')
    >>> theirs_of("box_dense2"), theirs_of("fpn_lateral4"), theirs_of("stem_conv")
    ('mrcnn_class_conv2', 'fpn_c2p2', None)
    """
    if ours in SAME:
        return SAME[ours]
    if found := re.fullmatch(r"(box_dense|mask_conv)(\d)", ours):
        return f"{FOLDED[found[1]]}_conv{found[2]}"
    if found := re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", ours):
        stage, block, number, kind = found.groups()
        branch = ("1", "2a", "2b", "2c")[int(number)]
        letter = chr(ord("a") + int(block) - 1)
        return f"{'res' if kind == 'conv' else 'bn'}{stage}{letter}_branch{branch}"
    return None


def _arrays(opened: h5py.File) -> Arrays:
    """The arrays of a file.

    Layers stand at the top, in a group of their own name, or in "rpn_model"; so each array is
    listed under all groups that it is in.
    """
    arrays: Arrays = {}

    def visit(path: str, item: Any) -> None:
        *groups, name = path.split("/")
        if isinstance(item, h5py.Dataset):
            for group in groups:
                arrays[group, name.split(":")[0]] = item

    opened.visititems(visit)
    return arrays


def _settings(
    network: keras.Model, arrays: Arrays, file: Path
) -> Iterator[tuple[keras.Variable, np.ndarray]]:
    """Each variable with its value, once all is known to fit."""
    layers = _layers(network)
    _check_encoder(layers, arrays, file)
    for ours, layer in layers.items():
        read = functools.partial(_read, arrays, file, ours)
        for kind, value in _converted(layer, read).items():
            variable = getattr(layer, kind)
            if value.shape != tuple(variable.shape):
                raise InitialisationError(
                    f"{file}: {theirs_of(ours)}/{kind} gives the network's {ours} shape "
                    f"{value.shape}, but it has {tuple(variable.shape)}. {REMEDY}"
                )
            yield variable, value


def _read(arrays: Arrays, file: Path, ours: str, theirs: str, kind: str) -> np.ndarray:
    if (theirs, kind) not in arrays:
        raise InitialisationError(
            f"{file}: lacks {theirs}/{kind}, for the network's {ours}. {REMEDY} (A model of "
            f"nucseg-tf is given as its folder.)"
        )
    return np.asarray(arrays[theirs, kind], np.float32)


def _layers(network: keras.Model) -> dict[str, keras.layers.Layer]:
    """Layers that are to be set, by name, from the image on."""
    order = {id(variable): number for number, variable in enumerate(network.weights)}
    found = [
        layer
        for layer in network._flatten_layers(include_self=False, recursive=True)
        if layer.weights and not isinstance(layer, keras.Model) and layer.name not in OURS_ALONE
    ]
    return {layer.name: layer for layer in sorted(found, key=lambda x: order[id(x.weights[0])])}


def _check_encoder(layers: dict[str, keras.layers.Layer], arrays: Arrays, file: Path) -> None:
    """That both have the same layers: all of ResNet50's are in ResNet101, too."""
    theirs = {ours: theirs_of(ours) for ours in layers}
    for ours, name in theirs.items():
        if name is None:
            raise InitialisationError(
                f"{file}: no layer of Matterport's is the network's {ours}; another encoder, or "
                f"mask_filters. {REMEDY}"
            )
    blocks = {layer for layer, _ in arrays if re.fullmatch(r"res\d[a-z]_branch2a", layer)}
    if surplus := sorted(blocks - set(theirs.values())):
        raise InitialisationError(
            f"{file}: has {len(surplus)} blocks more than the network's encoder ({surplus[0]} is "
            f"the first); a ResNet of another depth. {REMEDY}"
        )


def _converted(layer: keras.layers.Layer, read: Read) -> dict[str, np.ndarray]:
    """Our values of a layer from theirs, by kind."""
    ours, theirs = layer.name, theirs_of(layer.name) or ""
    if isinstance(layer, keras.layers.BatchNormalization):
        values = {kind: read(theirs, kind) for kind in NORMS}
        # The normalisation divides by sqrt(variance + epsilon), and their epsilon is larger.
        values["moving_variance"] = values["moving_variance"] + np.float32(EPSILON - layer.epsilon)
        return values
    values = {kind: read(theirs, kind) for kind in ("kernel", "bias")}
    if ours[:-1] in FOLDED:
        norm = theirs.replace("_conv", "_bn")
        values = fold(**values, **{kind: read(norm, kind) for kind in NORMS})
    if isinstance(layer, keras.layers.Dense):  # theirs is a convolution over the whole box
        values["kernel"] = values["kernel"].reshape(-1, values["kernel"].shape[-1])
    if ours == "rpn_logits":  # (background, object) of each anchor; softmax sees the difference
        values = {kind: value[..., 1::2] - value[..., 0::2] for kind, value in values.items()}
    return values


def fold(kernel, bias, gamma, beta, moving_mean, moving_variance) -> dict[str, np.ndarray]:
    """Convolution and batch normalisation (as it predicts) as one convolution.

    Args:
        kernel: (K, K, C, D).
        bias: (D,), as all others.
        gamma: scale.
        beta: offset.
        moving_mean: of the convolution's output.
        moving_variance: likewise.

    Returns:
        "kernel" (K, K, C, D) and "bias" (D,).
    """
    scale = gamma / np.sqrt(moving_variance + np.float32(EPSILON))
    return {"kernel": kernel * scale, "bias": (bias - moving_mean) * scale + beta}
