"""What commands that train have in common: the configuration, and the fields."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nucseg_tf.config import Config
    from nucseg_tf.types import Field


def settings_and_fields(
    config: Path, data: Path, changes: tuple[str, ...], **chosen: str | bool | None
) -> tuple[Config, tuple[list[Field], list[Field]]]:
    """The configuration with the choices of the command line, and fields to train and validate.

    Args:
        config, data: as of the commands.
        changes: KEY=VALUE.
        **chosen: values of the section `data`; None and False leave those of the configuration.
    """
    from nucseg_tf.config import find_config, load_config
    from nucseg_tf.data.manifest import find_fields
    from nucseg_tf.data.splits import split_fields

    given = {key: value for key, value in chosen.items() if value not in (None, False)}
    changes += tuple(
        f"data.{key}={str(value).lower() if value is True else value}"
        for key, value in given.items()
    )
    settings = load_config(find_config(config), changes)
    fraction, seed = settings.data.validation_fraction, settings.training.seed
    return settings, split_fields(find_fields(data), fraction, seed)
