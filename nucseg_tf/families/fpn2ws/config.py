"""What can be said of FPN2-WS in a configuration, and what tuning tries."""

from __future__ import annotations

from typing import Literal

from nucseg_tf import schema
from nucseg_tf.schema import Fraction


class Architecture(schema.Architecture):
    """Of the networks; `networks: 2` and the head "upsample" are the paper's."""

    family: Literal["fpn2ws"] = "fpn2ws"
    aggregation: Literal["sum", "concat"] = "sum"
    head: Literal["subpixel", "upsample"] = "subpixel"
    networks: Literal[1, 2] = 1


class Decode(schema.Thresholds):
    """Thresholds of the watershed."""

    seed: Fraction = 0.5  # of distance - seed_border * border
    seed_border: Fraction = 0.0
    peak: Fraction = 0.1  # by which a seed must rise above that threshold somewhere
    join: Fraction = 0.0  # seeds with smaller borders all along a way between them are one
    background: Fraction = 0.1  # smaller distances, away from a ridge, are surely background
    ridge: Fraction = 0.4  # larger borders are an edge or near one
    slope: Fraction = 0.0  # the flooded landscape is border - slope * distance


GRID = {
    "seed": (0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8),
    "ridge": (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6),
    "background": (0.02, 0.04, 0.06, 0.08, 0.1, 0.15),
    "slope": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7),
    "seed_border": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
    "peak": (0.05, 0.1, 0.15, 0.2, 0.3),
    "join": (0.0, 0.05, 0.1, 0.15, 0.2, 0.3),
    "min_area": (0, 6, 12, 20),
}
