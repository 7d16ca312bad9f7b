"""What others must know of a model to use its network: a mapping that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nucseg_tf import __version__
from nucseg_tf.engines.base import Part
from nucseg_tf.imaging.normalise import CEILING, FLOOR
from nucseg_tf.imaging.tiling import MARGIN
from nucseg_tf.models.export.formats import Written
from nucseg_tf.models.zoo import LoadedModel

FORMAT = 1  # of this description


def describe(model: LoadedModel) -> dict[str, Any]:
    """All that is known of a model but its files.

    Returns:
        By key: `program`, `format`, `model`, `family`, `sha256` of the weights, `licence`, and
        what `docs/export.md` explains: `normalisation`, `invert`, `scale`, `tiles`, `channels`,
        `thresholds` and `confidence`.
    """
    info, family = model.info, model.info.family
    confidence = None if info.confidence is None else info.confidence.model_dump(mode="json")
    return {
        "program": f"nucseg-tf {__version__}",
        "format": FORMAT,
        "model": info.name,
        "family": family.name,
        "sha256": model.sha256,
        "licence": info.licence,
        "training_data": info.training_data,
        "normalisation": {**info.normalisation.model_dump(), "least": FLOOR, "most": CEILING},
        "invert": info.invert,
        "scale": {
            "diameter": info.diameter,
            "is_found": info.find_diameter,
            "pixel_size": info.pixel_size,
        },
        "tiles": {
            "side": family.tile,
            "multiple": family.step,
            "context": family.context,
            "mirrored": MARGIN,
        },
        "channels": list(family.maps),
        "thresholds": info.thresholds.model_dump(mode="json"),
        "confidence": confidence,
    }


def describe_part(part: Part, written: Written, difference: float) -> dict[str, Any]:
    """One file: its name, and of inputs and outputs the names in it.

    Args:
        part: of the network.
        written: as a file.
        difference: largest between what it gives and what Keras gives.
    """
    inputs: list[Mapping[str, Any]] = [
        {"name": name, "what": what, "shape": list(shape), "type": "float32"}
        for name, what, shape in zip(written.inputs, part.takes, part.inputs, strict=True)
    ]
    outputs = [
        {"name": name, "what": what} for name, what in zip(written.outputs, part.gives, strict=True)
    ]
    return {
        "file": written.file.as_posix(),
        "inputs": inputs,
        "outputs": outputs,
        "largest_difference": difference,
    }
