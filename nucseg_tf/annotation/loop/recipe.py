"""How a version is trained: the shipped recipe for few fields, its length by their number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nucseg_tf.config import Config, find_config, load_config

RECIPE = "finetune"
BASE = "nuclei"  # the shipped model: where each version begins
STEPS = 20  # an epoch: a point of the curve that the page shows, and a state to go on from


def recipe(name: str, fields: int, settings: Sequence[str] = ()) -> Config:
    """The configuration of a training.

    Args:
        name: of the version.
        fields: to train on.
        settings: KEY=VALUE that go before all others.

    Raises:
        ConfigError: a setting makes no sense.
    """
    length = (f"training.epochs={epochs(fields)}", f"training.steps_per_epoch={STEPS}")
    return load_config(find_config(Path(RECIPE)), (f"name={name}", *length, *settings))


def epochs(fields: int) -> int:
    """Length of a training on so many fields, in epochs of STEPS: two to four minutes.

    Who corrects meanwhile is to have the new labels soon; docs/experiments.md, "The loop".

    >>> [epochs(fields) for fields in (1, 2, 4, 12)]
    [4, 6, 8, 8]
    """
    return 4 if fields < 2 else 6 if fields < 4 else 8
