"""What commands that train have in common: the configuration, and the fields."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nucseg_tf.config import Config
    from nucseg_tf.types import Field


def settings_and_fields(
    config: Path, data: Path, channel: str | None, z: str | None, changes: tuple[str, ...]
) -> tuple[Config, tuple[list[Field], list[Field]]]:
    """The configuration with the choices of the command line, and fields to train and validate."""
    from nucseg_tf.config import find_config, load_config
    from nucseg_tf.data.manifest import find_fields, split_fields

    chosen = {"data.channel": channel, "data.z": z}
    changes += tuple(f"{key}={value}" for key, value in chosen.items() if value is not None)
    settings = load_config(find_config(config), changes)
    fraction, seed = settings.data.validation_fraction, settings.training.seed
    return settings, split_fields(find_fields(data), fraction, seed)
