"""The description of a package of bioimage.io: a "model RDF" of format 0.5.

https://github.com/bioimage-io/spec-bioimage-io says what each key means. It is written as it is
read, without the package `bioimageio.spec`, which the tests check it with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nucseg_tf.config import Normalisation
from nucseg_tf.imaging.normalise import CEILING, FLOOR
from nucseg_tf.models.export.onnx import OPSET
from nucseg_tf.models.zoo import ModelInfo

FORMAT = "0.5.3"
HALO = 64  # px of context that are cut off maps
LEAST = 4 * HALO  # px of a side; a multiple of every stride
PAPER = {
    "text": "Zaki et al. (2020): A Deep Learning Pipeline for Nucleus Segmentation",
    "doi": "10.1101/2020.04.14.041020",
}
TAGS = (
    *("nuclei", "cells", "2d", "fluorescence-light-microscopy", "high-content-imaging"),
    *("instance-segmentation", "semantic-segmentation", "tensorflow", "nucseg-tf"),
)
TOLERANCE = {"relative_tolerance": 1e-3, "absolute_tolerance": 1e-4}


def describe_package(
    info: ModelInfo, author: str, hashes: Mapping[str, str], attachments: Sequence[str]
) -> dict[str, Any]:
    """What is to stand in bioimageio.yaml.

    Args:
        info: of the model, of a family whose network gives maps.
        author: of the package.
        hashes: SHA-256 of each file of the package, by name; see `package` for their names.
        attachments: names of those that belong to no key of the format.
    """
    named = {"name": "nucseg " + re.sub(r"[^a-zA-Z0-9_+\- ()]", "-", info.name)[:100]}
    licence = {"license": info.licence} if info.licence else {}
    return {
        "format_version": FORMAT,
        "type": "model",
        **named,
        "description": (
            f"Maps of cell nuclei in fluorescence images ({info.family.title}: "
            f"{', '.join(info.family.maps)}), of which labels are decoded; best where nuclei are "
            f"{info.diameter:g} px across."
        ),
        "authors": [{"name": author}],
        "cite": [PAPER],
        **licence,
        "tags": list(TAGS),
        "documentation": "documentation.md",
        "covers": ["cover.png"],
        "attachments": [_file(name, hashes) for name in attachments],
        "inputs": [_input(info.normalisation, info.invert, info.family.step, hashes)],
        "outputs": [_output(info.family.maps, hashes)],
        "weights": {"onnx": {**_file("weights.onnx", hashes), "opset_version": OPSET}},
        "config": {"bioimageio": {"reproducibility_tolerance": [TOLERANCE]}},
    }


def _file(name: str, hashes: Mapping[str, str]) -> dict[str, str]:
    return {"source": name, "sha256": hashes[name]}


def _input(
    percentiles: Normalisation, invert: bool, step: int, hashes: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "id": "image",
        "description": "a fluorescence image of nuclei, one channel",
        "axes": [
            {"type": "batch"},
            *({"type": "space", "id": axis, "size": {"min": LEAST, "step": step}} for axis in "yx"),
            {"type": "channel", "channel_names": ["nuclei"]},
        ],
        "test_tensor": _file("test_input.npy", hashes),
        "sample_tensor": _file("sample_input.tif", hashes),
        "data": {"type": "float32", "range": [None, None]},
        "preprocessing": _preprocessing(percentiles, invert),
    }


def _preprocessing(percentiles: Normalisation, invert: bool) -> list[dict[str, Any]]:
    limits = {"min_percentile": percentiles.low, "max_percentile": percentiles.high}
    turned = {"id": "scale_linear", "kwargs": {"gain": -1.0, "offset": 0.0}}
    return [
        {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
        *([turned] if invert else []),
        {"id": "scale_range", "kwargs": {"axes": ["y", "x", "channel"], **limits}},
        {"id": "clip", "kwargs": {"min": FLOOR, "max": CEILING}},
    ]


def _output(maps: Sequence[str], hashes: Mapping[str, str]) -> dict[str, Any]:
    def axis(name: str) -> dict[str, Any]:
        size = {"tensor_id": "image", "axis_id": name}
        return {"type": "space", "id": name, "size": size, "halo": HALO}

    return {
        "id": "maps",
        "description": "maps that labels are decoded of, see the documentation",
        "axes": [
            {"type": "batch"},
            *map(axis, "yx"),
            {"type": "channel", "channel_names": list(maps)},
        ],
        "test_tensor": _file("test_output.npy", hashes),
        "sample_tensor": _file("sample_output.tif", hashes),
        "data": {"type": "float32", "range": [0.0, 1.0]},
    }
