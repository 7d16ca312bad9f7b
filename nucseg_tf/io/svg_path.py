"""Paths of SVG (https://www.w3.org/TR/SVG2/paths.html) as cubic curves, and these as polygons.

Letters: K curves of a subpath, each of four points; N corners. Points are (x, y).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from nucseg_tf.io.polygons import FINE

_NUMBER = re.compile(r"[\s,]*([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)")
_FLAG = re.compile(r"[\s,]*([01])")  # of an arc, behind which the next number may follow at once
_COMMAND = re.compile(r"[\s,]*([MLHVCSQTAZ])", re.IGNORECASE)
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
_FLAGS = (3, 4)
FAR = 1e7  # units, beyond which nothing is drawn
MOST_STEPS = 256  # of one curve
MOST_CORNERS = 1_000_000  # of one shape; bounds the memory, 0.3 kB each
Curve = tuple[complex, complex, complex, complex]  # points as x + iy


def curves_of(text: str) -> Iterator[np.ndarray]:
    """The subpaths of a path's `d`, each (K, 4, 2).

    Straight lines are curves, too; what is open is left open.

    Raises:
        ValueError: it is no path, or one of too many curves.
    """
    subpath: list[Curve] = []
    here = start = control = 0j
    before = ""
    for command, numbers in _commands(text):
        kind = command.upper()
        base = here if command.islower() else 0j
        if not before and kind != "M":
            raise ValueError(f"it begins with {command}, not with M")
        if kind in "MZ":  # what follows Z without M begins where this one did
            here = start = base + complex(*numbers) if kind == "M" else start
            if subpath:
                yield _points(subpath)
            subpath = []
        else:
            smooth = 2 * here - control if before in _SMOOTH[kind] else here
            curves, control = _drawn(kind, here, base, numbers, smooth)
            subpath += curves
            here = curves[-1][-1]
            if len(subpath) > MOST_CORNERS:
                raise ValueError(f"it has more than {MOST_CORNERS:,} curves in one piece")
        before = kind
    if subpath:
        yield _points(subpath)


# Commands whose last control point a smooth curve goes on from.
_SMOOTH = {"S": "CS", "T": "QT"} | dict.fromkeys("LHVCQA", "")


def flatten(curves: np.ndarray) -> np.ndarray:
    """Corners (N, 2) of a polygon that is nowhere further than `FINE` from (K, 4, 2) curves.

    Raises:
        ValueError: it would have too many.
    """
    bends = np.abs(np.diff(curves, n=2, axis=1)).max(axis=(1, 2))
    steps = np.clip(np.ceil(np.sqrt(bends / FINE)), 1, MOST_STEPS).astype(int)
    if steps.sum() > MOST_CORNERS:
        raise ValueError(f"its curves need more than {MOST_CORNERS:,} corners")
    curve = np.repeat(np.arange(len(curves)), steps)
    place = np.arange(len(curve)) - np.repeat(np.cumsum(steps) - steps, steps)
    t = (place / steps[curve])[:, np.newaxis]
    a, b, c, d = np.moveaxis(curves[curve], 1, 0)
    corners = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
    return np.concatenate([corners, curves[-1:, 3]])


def _commands(text: str) -> Iterator[tuple[str, list[float]]]:
    """Each command with the numbers that it takes; repeated where more follow."""
    place, end = 0, len(text.rstrip(" \t\r\n,"))
    while place < end:
        match = _COMMAND.match(text, place)
        if not match:
            raise ValueError(f"it has {text[place : place + 20]!r}, which is no command of a path")
        command, place = match[1], match.end()
        while True:
            numbers, place = _numbers(text, place, command)
            yield command, numbers
            command = {"M": "L", "m": "l"}.get(command, command)
            if not numbers or not _NUMBER.match(text, place):
                break


def _numbers(text: str, place: int, command: str) -> tuple[list[float], int]:
    numbers = []
    for index in range(_TAKES[command.upper()]):
        is_flag = command in "Aa" and index in _FLAGS
        match = (_FLAG if is_flag else _NUMBER).match(text, place)
        if not match:
            raise ValueError(f"numbers are missing after {command}")
        numbers.append(float(match[1]))
        place = match.end()
    return numbers, place


def _drawn(
    kind: str, here: complex, base: complex, numbers: list[float], smooth: complex
) -> tuple[list[Curve], complex]:
    """The curves of a command other than M and Z, and its last control point."""
    if kind in "HV":
        value = numbers[0]
        end = (
            complex(base.real + value, here.imag)
            if kind == "H"
            else complex(here.real, base.imag + value)
        )
        return [_line(here, end)], end
    points = [base + complex(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=False)]
    if kind == "L":
        return [_line(here, points[0])], points[0]
    if kind in "CS":
        first, second, end = points if kind == "C" else (smooth, *points)
        return [(here, first, second, end)], second
    if kind in "QT":
        middle, end = points if kind == "Q" else (smooth, *points)
        third = 2 / 3
        return [(here, here + third * (middle - here), end + third * (middle - end), end)], middle
    end = base + complex(*numbers[5:])
    return _arc(here, end, *numbers[:5]), end


def _line(start: complex, end: complex) -> Curve:
    return start, start + (end - start) / 3, end - (end - start) / 3, end


def _arc(
    start: complex,
    end: complex,
    rx: float,
    ry: float,
    degrees: float,
    large: float,
    sweep: float,
) -> list[Curve]:
    """An elliptical arc as curves of an eighth of a turn; after appendix B.2 of SVG 2."""
    rx, ry = abs(rx), abs(ry)
    if start == end or rx == 0 or ry == 0:
        return [_line(start, end)]
    turn = complex(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
    half = (start - end) / 2 / turn
    half = complex(half.real / rx, half.imag / ry)  # on the unit circle, from the middle
    stretch = max(1.0, abs(half))  # too small radii grow until they reach
    rx, ry, half = rx * stretch, ry * stretch, half / stretch
    away = math.sqrt(max(0.0, 1 / max(abs(half) ** 2, 1e-30) - 1))
    side = 1.0 if large == sweep else -1.0
    middle = half * complex(0, side * away)
    first, last = half - middle, -half - middle
    angle = math.atan2(*_cross_dot(first, last))
    if sweep and angle < 0:
        angle += 2 * math.pi
    elif not sweep and angle > 0:
        angle -= 2 * math.pi
    count = max(1, math.ceil(abs(angle) / (math.pi / 4) - 1e-9))
    step = angle / count
    pull = 4 / 3 * math.tan(step / 4)
    centre = (start + end) / 2 + turn * complex(middle.real * rx, middle.imag * ry)

    def placed(unit: complex) -> complex:
        return centre + turn * complex(unit.real * rx, unit.imag * ry)

    corners = [first * complex(math.cos(n * step), math.sin(n * step)) for n in range(count + 1)]
    found = [
        (placed(a), placed(a + 1j * pull * a), placed(b - 1j * pull * b), placed(b))
        for a, b in pairwise(corners)
    ]
    return [*found[:-1], (*found[-1][:3], end)]


def _cross_dot(a: complex, b: complex) -> tuple[float, float]:
    product = a.conjugate() * b
    return product.imag, product.real


def _points(curves: list[Curve]) -> np.ndarray:
    values = np.array(curves, complex)
    points = np.stack([values.real, values.imag], axis=-1)
    if not (np.abs(points) <= FAR).all():
        raise ValueError("it lies beyond all bounds")
    return points
