"""What can be said of the Jacobkie style in a configuration, and what tuning tries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Limits

from nucseg_tf import schema
from nucseg_tf.schema import Count, Fraction, Zoom


class Architecture(schema.Architecture):
    """Encoder and filters: channels of the pyramid; its finest level has half as many."""

    family: Literal["jacobkie"] = "jacobkie"


class Positions(schema.Thresholds):
    """Thresholds of the decoding by relative positions."""

    zooms: Annotated[tuple[Zoom, ...], Limits(min_length=1)] = (0.25, 0.5, 1.0, 2.0)
    mask: Fraction = 0.5  # probability from which a pixel is nucleus
    step: Fraction = 0.05  # by which positions may contradict a common nucleus
    core: Count = 4  # px, smallest core of a nucleus
    score: Fraction = 0.3  # of nuclei that are kept
    same: Fraction = 0.5  # share of its pixels that a nucleus may lose to better ones


GRID = {
    "step": (0.03, 0.05, 0.08),
    "mask": (0.4, 0.5, 0.6),
    "score": (0.2, 0.3, 0.4, 0.5, 0.6),
    "same": (0.3, 0.5, 0.7),
    "core": (1, 4, 8),
    "min_area": (0, 12, 20),
}
