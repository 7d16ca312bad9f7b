"""Augmentation policies: which operations change a ROI, in which order, over which ranges.

A policy is written in YAML, a list of steps:

    zoom: [0.5, 2]                     # resize factors of the crops, log-uniform
    steps:
      - one_of: [flip_left_right, flip_up_down, rotate90]
      - clahe: {clip_limit: [5, 50]}   # a range, drawn from once per ROI
      - sometimes:
          probability: 0.5
          steps:
            - gaussian_blur: {sigma: 2}  # a single number: always this

A step is an operation (a key of `OPERATIONS`, with ranges or without, for the usual ones),
`one_of` (a list of steps, equally likely), `sequence` (all of them in turn), or `sometimes`.
This module knows what may be written; `data.augment` does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nucseg_tf.suggest import nearest

Range = tuple[float, float]


@dataclass(frozen=True)
class Parameter:
    """What an operation draws.

    Attributes:
        usual: the range without one in the policy.
        lowest: smallest value that makes sense.
        highest: largest one.
        log: drawn log-uniformly, so that halves are as likely as doubles.
        whole: whole numbers only.
    """

    usual: Range
    lowest: float
    highest: float
    log: bool = False
    whole: bool = False


# Ranges in ROIs whose background is near 0 and whose nuclei are near 1. Those of the paper (Zaki
# et al. 2020), written for grey levels of 0 to 255, are divided by 255.
OPERATIONS: dict[str, dict[str, Parameter]] = {
    # geometry
    "flip_left_right": {},
    "flip_up_down": {},
    "rotate90": {"turns": Parameter((1, 3), 0, 3, whole=True)},
    "resize": {"factor": Parameter((0.8, 1.25), 0.1, 10, log=True)},
    "rotate": {"degrees": Parameter((-15, 15), -180, 180)},
    "elastic": {
        "magnitude": Parameter((0, 3), 0, 50),  # px, root mean square of the displacement
        "spacing": Parameter((24, 48), 8, 128),  # px, over which displacements agree
    },
    # contrast
    "clahe": {"clip_limit": Parameter((5, 50), 1, 256)},
    "gamma": {"gamma": Parameter((0.5, 1.6), 0.01, 10, log=True)},
    "multiply": {"factor": Parameter((0.1, 10), 0.01, 100, log=True)},
    "add": {"value": Parameter((-0.1, 0.1), -1, 1)},
    "saturation": {"fraction": Parameter((0, 0.125), 0, 0.9)},
    "illumination": {
        "strength": Parameter((0, 0.5), 0, 0.95),
        "degrees": Parameter((0, 360), -360, 360),
    },
    # blur
    "gaussian_blur": {"sigma": Parameter((1, 9), 0, 64)},  # px
    "median_blur": {"width": Parameter((1, 5), 1, 5, whole=True)},  # px; even ones act as odd
    # noise
    "impulse": {"probability": Parameter((0.001, 0.15), 0, 1)},
    "salt_and_pepper": {"probability": Parameter((0.001, 0.05), 0, 1)},
    "dropout": {"probability": Parameter((0.01, 0.1), 0, 1)},
    "gaussian_noise": {"sigma": Parameter((0.001, 0.1), 0, 1)},
    "poisson": {"rate": Parameter((0, 20), 0, 200)},  # grey levels of 255
    "camera_noise": {"sigma": Parameter((0.01, 0.1), 0, 1)},
}
GROUPS: dict[str, Callable[[Any], Any]] = {}  # filled below


def check_steps(steps: Any) -> list[dict[str, Any]]:
    """Check a list of steps and fill in the usual ranges.

    Args:
        steps: as read from YAML.

    Returns:
        The same, every step a mapping of one key, every range (low, high).

    Raises:
        ValueError: naming the step at fault, what is expected and, for a misspelt name, the
            nearest one.
    """
    if not isinstance(steps, list | tuple):
        raise ValueError(f"expected a list of steps. Received: {steps!r}")
    return [_check_step(step) for step in steps]


def _check_step(step: Any) -> dict[str, Any]:
    if isinstance(step, str):
        step = {step: None}
    if not isinstance(step, dict) or len(step) != 1:
        raise ValueError(f"a step is one name, with or without ranges. Received: {step!r}")
    (name, content), *_ = step.items()
    if name in GROUPS:
        return {name: GROUPS[name](content)}
    if name not in OPERATIONS:
        raise ValueError(f"unknown step {name!r}; {nearest(name, [*OPERATIONS, *GROUPS])}")
    return {name: _check_ranges(name, {} if content is None else content)}


def _check_ranges(operation: str, content: Any) -> dict[str, Range]:
    parameters = OPERATIONS[operation]
    if not isinstance(content, dict):
        raise ValueError(f"{operation}: expected {_known(parameters)}. Received: {content!r}")
    for name in content:
        if name not in parameters:
            hint = nearest(name, parameters) if parameters else "it has none"
            raise ValueError(f"{operation}: unknown range {name!r}; {hint}")
    return {
        name: _check_range(f"{operation}.{name}", content.get(name, parameter.usual), parameter)
        for name, parameter in parameters.items()
    }


def _check_range(where: str, value: Any, parameter: Parameter) -> Range:
    pair = value if isinstance(value, list | tuple) else (value, value)
    numbers = [v for v in pair if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(pair) != 2 or len(numbers) != 2:
        raise ValueError(f"{where}: expected a number or [low, high]. Received: {value!r}")
    low, high = float(numbers[0]), float(numbers[1])
    if low > high:
        raise ValueError(f"{where}: the first must not be larger than the second: {value!r}")
    if not parameter.lowest <= low <= high <= parameter.highest:  # false for NaN too
        limits = f"{parameter.lowest:g} to {parameter.highest:g}"
        raise ValueError(f"{where}: expected {limits}. Received: {value!r}")
    if parameter.whole and (low % 1 or high % 1):
        raise ValueError(f"{where}: expected whole numbers. Received: {value!r}")
    return low, high


def _check_some(name: str) -> Callable[[Any], list]:
    def check(content: Any) -> list:
        if not content:
            raise ValueError(f"{name}: expected one step or more")
        return check_steps(content)

    return check


def _check_sometimes(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict) or {*content} != {"probability", "steps"}:
        raise ValueError(f"sometimes: expected probability and steps. Received: {content!r}")
    probability = content["probability"]
    if not isinstance(probability, int | float) or not 0 <= probability <= 1:
        raise ValueError(f"sometimes: expected a probability of 0 to 1. Received: {probability!r}")
    return {"probability": float(probability), "steps": _check_some("sometimes")(content["steps"])}


GROUPS |= {
    "one_of": _check_some("one_of"),
    "sequence": _check_some("sequence"),
    "sometimes": _check_sometimes,
}


def _known(parameters: dict[str, Parameter]) -> str:
    return ", ".join(f"{name}: [low, high]" for name in parameters) or "no ranges"
