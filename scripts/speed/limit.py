"""The physical limit: multiply-adds of a network over the machine's rate of matrix products."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 1024  # px of the tile that operations are counted in
ORDER = 2048  # of the square matrices
ROUNDS = 7


def macs_of(kind: str, inputs: list[list[int]], output: list[int]) -> int:
    """Multiply-adds of one operation of OpenVINO.

    Args:
        kind: its type; those without matrix products count as none.
        inputs: shapes of what goes in, the weights second: of a convolution (out, in, h, w), in
            groups (groups, out, in, h, w), transposed (in, out, h, w).
        output: shape of what comes out.
    """
    if len(inputs) < 2:
        return 0
    weights = inputs[1]
    if kind == "Convolution":
        return int(np.prod(output) * np.prod(weights[1:]))
    if kind == "GroupConvolution":
        return int(np.prod(output) * np.prod(weights[2:]))
    if kind == "ConvolutionBackpropData":
        return int(np.prod(inputs[0]) * np.prod(weights[1:]))
    if kind == "MatMul":
        return int(np.prod(output) * inputs[0][-1])
    return 0


def macs_per_mpx(segmenter: Any) -> dict[str, float]:
    """Multiply-adds a megapixel that the network of a model sees, by the kind of operation.

    Args:
        segmenter: a loaded model whose engine is OpenVINO.
    """
    from nucseg_tf.engines.base import WHOLE
    from nucseg_tf.engines.openvino import WEIGHTS, XML, kept_or_converted, load_openvino

    ov = load_openvino()
    files = kept_or_converted(ov, segmenter.network.source)
    model = ov.Core().read_model(files[WHOLE + XML], files[WHOLE + WEIGHTS])
    model.reshape([1, SIDE, SIDE, 1])
    counts: dict[str, float] = {}
    for operation in model.get_ordered_ops():
        kind = operation.get_type_name()
        inputs = [list(port.get_shape()) for port in operation.inputs()]
        outputs = [list(port.get_shape()) for port in operation.outputs()]
        macs = macs_of(kind, inputs, outputs[0]) if outputs else 0
        if macs:
            counts[kind] = counts.get(kind, 0) + macs * 1e6 / SIDE**2
    return counts


def rate(product: Callable[[], Any], macs: float) -> dict[str, float]:
    """Multiply-adds a second of wall clock (the best round), and of the processor."""
    product()
    walls, processor = [], time.process_time()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        product()
        walls.append(time.perf_counter() - began)
    processor = time.process_time() - processor
    return {"macs_per_s": macs / min(walls), "macs_per_cpu_s": ROUNDS * macs / processor}


def rates() -> dict[str, dict[str, float]]:
    """Rates of a square matrix product by library and precision."""
    from nucseg_tf.engines.hardware import computes_bf16

    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((ORDER, ORDER), np.float32) for _ in range(2))
    found = {"numpy f32": rate(lambda: left @ right, ORDER**3)}
    for precision in ("f32", *(("bf16",) if computes_bf16() else ())):
        found[f"openvino {precision}"] = rate(_openvino(left, right, precision), ORDER**3)
    return found


def _openvino(left: np.ndarray, right: np.ndarray, precision: str) -> Callable[[], Any]:
    from nucseg_tf.engines.openvino import load_openvino

    ov = load_openvino()
    ops = ov.opset13
    parameter = ops.parameter(left.shape, np.float32)
    model = ov.Model([ops.matmul(parameter, ops.constant(right), False, False)], [parameter])
    settings = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    request = ov.Core().compile_model(model, "CPU", settings).create_infer_request()
    return lambda: request.infer({0: left}, share_inputs=True)


def main() -> None:
    """Write the rates to the file named first."""
    import json
    import sys

    Path(sys.argv[1]).write_text(json.dumps(rates()))


if __name__ == "__main__":
    main()
