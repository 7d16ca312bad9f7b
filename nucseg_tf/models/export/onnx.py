"""Networks as ONNX, by tf2onnx; read again by ONNX Runtime.

Batch, height and width stay open. B images, h rows, w columns, K maps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.engines.base import EngineError, Part, Source
from nucseg_tf.engines.keras import compile_part
from nucseg_tf.imaging.memory import is_exhausted
from nucseg_tf.models.export.formats import Computes, Format, Written

OPSET = 17  # ONNX Runtime 1.12 (2022) and later compute it
AXES = ("batch", "height", "width")  # names of those of images that are open


class Onnx(Format):
    """See `Format` for what each of these is."""

    name = "onnx"
    packages = ("tf2onnx", "onnx", "onnxruntime")

    def write(
        self, source: Source, folder: Path, description: Mapping[str, Any]
    ) -> dict[str, Written]:
        onnx = import_module("onnx")
        written = {}
        for name, part in source.parts.items():
            model = convert(source, part)
            onnx.helper.set_model_props(
                model, {key: _text(value) for key, value in description.items()}
            )
            onnx.checker.check_model(model)
            file = Path(f"{name}.onnx")
            onnx.save(model, folder / file)
            written[name] = Written(file, part.takes, part.gives, load(folder / file, part.takes))
        return written


def convert(source: Source, part: Part) -> Any:
    """A part of a network as `onnx.ModelProto`, its inputs and outputs by the part's names.

    Raises:
        EngineError: tf2onnx does not convert it.
    """
    from nucseg_tf.engines.tensorflow import signature

    tf2onnx = import_module("tf2onnx")
    function, given = compile_part(source.network, part), signature(part)
    try:
        model, _ = tf2onnx.convert.from_function(function, input_signature=given, opset=OPSET)
    except Exception as error:  # whatever TensorFlow and tf2onnx say of a network
        if is_exhausted(error):
            raise
        raise EngineError(f"its network cannot be converted to ONNX: {error}") from error
    _use_plain_enlargement(model.graph)
    _rename(model.graph, part)
    _name_axes([*model.graph.input, *model.graph.output])
    model.producer_name, model.producer_version = "nucseg-tf", ""
    return model


def load(file: Path, names: Sequence[str]) -> Computes:
    """What computes an ONNX file, on the CPU."""
    runtime = import_module("onnxruntime")
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])

    def compute(*arrays: np.ndarray) -> Sequence[np.ndarray]:
        return session.run(None, dict(zip(names, arrays, strict=True)))

    return compute


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _use_plain_enlargement(graph: Any) -> None:
    """Say of enlargements by whole factors what every runtime computes, and ONNX has not withdrawn.

    tf2onnx takes TensorFlow's own rule for the nearest pixel; by whole factors all rules agree.
    """
    for node in graph.node:
        settings = {item.name: item for item in node.attribute}
        mode = settings.get("coordinate_transformation_mode")
        if node.op_type == "Resize" and mode is not None and mode.s == b"tf_half_pixel_for_nn":
            mode.s = b"asymmetric"
            settings["nearest_mode"].s = b"floor"


def _rename(graph: Any, part: Part) -> None:
    """Give inputs and outputs the names of a part's arguments and results."""
    inputs = {each.name: each for each in graph.input}
    # In the order of the arguments, whose number ends the names that TensorFlow gives.
    ordered = sorted(inputs, key=lambda name: int(name.partition(":")[0].rpartition("_")[2]))
    names = dict(zip(ordered, part.takes, strict=True))
    results = (each.name for each in graph.output)
    names |= dict(zip(results, part.gives, strict=True))
    taken = {*names.values()}
    for node in graph.node:
        for ports in (node.input, node.output):
            for index, port in enumerate(ports):
                ports[index] = names.get(port, f"inner_{port}" if port in taken else port)
    for each in (*graph.input, *graph.output):
        each.name = names[each.name]


def _name_axes(ports: Sequence[Any]) -> None:
    """Name the open axes of images and maps, which are those of both; of others, each by itself."""
    for port in ports:
        own = [f"{port.name}_{index}" for index in range(len(port.type.tensor_type.shape.dim))]
        names = AXES if port.name in ("image", "maps") else own
        for name, axis in zip(names, port.type.tensor_type.shape.dim, strict=False):
            if not axis.dim_value:
                axis.dim_param = name
