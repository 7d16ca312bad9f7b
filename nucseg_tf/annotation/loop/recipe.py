"""How a version is trained: the shipped recipe for few fields, its length by their number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nucseg_tf.annotation.editor.planes import read_choice
from nucseg_tf.config import Config, find_config, load_config

RECIPE = "finetune"
BASE = "nuclei"  # the shipped model: where each version begins
EPOCHS_A_FIELD, MOST_FIELDS = 4, 5  # of 40 steps; more fields take no longer


def recipe(name: str, fields: int, settings: Sequence[str] = ()) -> Config:
    """The configuration of a training.

    Args:
        name: of the version.
        fields: to train on.
        settings: KEY=VALUE that go before all others.

    Raises:
        ConfigError: a setting makes no sense.
    """
    length = f"training.epochs={epochs(fields)}"
    return load_config(find_config(Path(RECIPE)), (f"name={name}", length, *settings))


def epochs(fields: int) -> int:
    """Length of a training on so many fields.

    >>> [epochs(fields) for fields in (1, 2, 5, 12)]
    [4, 8, 20, 20]
    """
    return EPOCHS_A_FIELD * min(fields, MOST_FIELDS)


def read_planes(folder: Path) -> dict[str, str | int]:
    """What was chosen for the images of a project, as `Options` take it; see `PlaneChoice.given`.

    Raises:
        DataError: it cannot be read.
    """
    return read_choice(folder).given()
