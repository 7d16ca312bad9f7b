"""Enlargements in OpenVINO's networks, put into the order of axes that convolutions compute in.

What comes from TensorFlow has channels last. OpenVINO turns convolutions and what surrounds them,
but not enlargements whose size follows from the image; so each stays between two transpositions,
and the CPU computes it plane by plane. Turned as well, it gives the very same numbers in less time.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

TO_FIRST, TO_LAST = [0, 3, 1, 2], [0, 2, 3, 1]  # channels, as permutations of the axes


def turn_enlargements(model: Any) -> int:
    """Let each enlargement of rows and columns of (B, H, W, C) work on (B, C, H, W), in place.

    Args:
        model: `openvino.Model`, as read from TensorFlow's format.

    Returns:
        How many there were.
    """
    found = [node for node in model.get_ordered_ops() if _enlarges_rows_and_columns(node)]
    for node in found:
        _turn(node)
    model.validate_nodes_and_infer_types()
    return len(found)


def _enlarges_rows_and_columns(node: Any) -> bool:
    if node.get_type_name() != "Interpolate" or node.get_input_size() != 3:
        return False
    axes = node.input_value(2).get_node()
    return axes.get_type_name() == "Constant" and axes.get_data().tolist() == [1, 2]


def _turn(node: Any) -> None:
    ops = import_module("openvino.opset13")
    source = node.input_value(0)
    if _permutes(source.get_node(), TO_LAST):
        source = source.get_node().input_value(0)
    else:
        source = ops.transpose(source, ops.constant(TO_FIRST)).output(0)
    settings = node.get_attributes()
    mode, how = settings.pop("mode"), settings.pop("shape_calculation_mode")
    axes = ops.constant([2, 3])
    turned = ops.interpolate(source, node.input_value(1), mode, how, axes=axes, **settings)
    back = ops.transpose(turned, ops.constant(TO_LAST))
    for target in node.output(0).get_target_inputs():
        if _permutes(target.get_node(), TO_FIRST):
            target.get_node().output(0).replace(turned.output(0))
        else:
            target.replace_source_output(back.output(0))


def _permutes(node: Any, order: list[int]) -> bool:
    if node.get_type_name() != "Transpose":
        return False
    given = node.input_value(1).get_node()
    return given.get_type_name() == "Constant" and given.get_data().tolist() == order
