"""Where shapes of an SVG lie: lengths, the canvas of the drawing, and transforms.

Matrices are (3, 3), for columns (x, y, 1). What is no such thing raises ValueError.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

import numpy as np

ASPECT = 2.0  # px that a canvas may be longer than its image, by rounding
PIXELS = {
    "": 1.0,
    "px": 1.0,
    "pt": 96 / 72,
    "pc": 16.0,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 96 / 25.4,
}
_LENGTH = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)([a-z%]*)")
_TRANSFORM = re.compile(r"[\s,]*([a-zA-Z]+)\s*\(([^()]*)\)[\s,]*")


def length_of(attributes: dict[str, str], name: str) -> float:
    """A length in units of the drawing; 0 without."""
    match = _LENGTH.fullmatch(attributes.get(name, "0").strip())
    if not match or match[2] not in PIXELS:
        raise ValueError(f"its {name} is {attributes[name][:20]!r}")
    return float(match[1]) * PIXELS[match[2]]


def canvas_of(root: dict[str, str]) -> tuple[float, ...]:
    """x, y, width and height of the drawing in its own units; nothing where they are not told."""
    if "viewBox" in root:
        values = [float(number) for number in root["viewBox"].replace(",", " ").split()]
    elif "width" in root and "height" in root and "%" not in root["width"] + root["height"]:
        values = [0.0, 0.0, length_of(root, "width"), length_of(root, "height")]
    else:
        return ()
    if len(values) != 4 or not np.isfinite(values).all() or min(values[2:]) <= 0:
        raise ValueError(f"its canvas is {str(values)[:60]}")
    return tuple(values)


def to_image(root: dict[str, str], shape: tuple[int, int]) -> np.ndarray:
    """(3, 3) from units of the drawing to (x, y) in the image."""
    canvas = canvas_of(root)
    if not canvas:
        return np.eye(3)
    x, y, width, height = canvas
    scale_x, scale_y = shape[1] / width, shape[0] / height
    if abs(scale_x / scale_y - 1) * max(shape) > ASPECT:
        raise ValueError(
            f"its canvas of {width:g} x {height:g} (width x height) is not that of an image of "
            f"{shape[1]} x {shape[0]} px. Is it of another one?"
        )
    return np.array([[scale_x, 0, -x * scale_x], [0, scale_y, -y * scale_y], [0, 0, 1]])


@lru_cache(maxsize=1024)
def transform_of(text: str) -> np.ndarray:
    """(3, 3) of a `transform`."""
    matrix, place = np.eye(3), 0
    while place < len(text):
        match = _TRANSFORM.match(text, place)
        if not match:
            raise ValueError(f"its transform is {text[:40]!r}")
        numbers = [float(number) for number in match[2].replace(",", " ").split()]
        matrix = matrix @ _single(match[1], numbers)
        place = match.end()
    return matrix


def _single(name: str, numbers: list[float]) -> np.ndarray:
    """One function of a transform."""
    match name, numbers:
        case "matrix", [a, b, c, d, e, f]:
            values = (a, c, e, b, d, f)
        case "translate", [x, *rest] if len(rest) < 2:
            values = (1, 0, x, 0, 1, rest[0] if rest else 0)
        case "scale", [x, *rest] if len(rest) < 2:
            values = (x, 0, 0, 0, rest[0] if rest else x, 0)
        case "rotate", [angle, *rest] if len(rest) in (0, 2):
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            x, y = rest or (0, 0)
            values = (cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y)
        case "skewX", [angle]:
            values = (1, math.tan(math.radians(angle)), 0, 0, 1, 0)
        case "skewY", [angle]:
            values = (1, 0, 0, math.tan(math.radians(angle)), 1, 0)
        case _:
            raise ValueError(f"its transform is {name[:20]} of {len(numbers)} numbers")
    return np.array([*values, 0, 0, 1], float).reshape(3, 3)
