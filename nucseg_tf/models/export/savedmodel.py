"""Networks in TensorFlow's own form, SavedModel, with open batch, height and width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.engines.base import Part, Source
from nucseg_tf.models.export.formats import Format, Written


class SavedModel(Format):
    """See `Format` for what each of these is."""

    name = "savedmodel"

    def write(
        self, source: Source, folder: Path, description: Mapping[str, Any]
    ) -> dict[str, Written]:
        from nucseg_tf.engines.tensorflow import save

        for name, part in source.parts.items():
            save(source.network, part, folder / name)
        return {name: _read(folder, Path(name), part) for name, part in source.parts.items()}


def _read(folder: Path, name: Path, part: Part) -> Written:
    """A part as TensorFlow reads it; arguments and results have numbers there."""
    from nucseg_tf.engines.tensorflow import load_saved

    inputs = tuple(f"arrays_{index}" for index in range(len(part.takes)))
    outputs = tuple(f"output_{index}" for index in range(len(part.gives)))
    serve = load_saved(folder / name)

    def compute(*arrays: np.ndarray) -> Sequence[np.ndarray]:
        found = serve(dict(zip(inputs, arrays, strict=True)))
        return [found[output] for output in outputs]

    return Written(name, inputs, outputs, compute)
