"""`nucseg config`."""

from __future__ import annotations

from nucseg_tf.commands.options import Changes, ConfigName


def config(config: ConfigName, *, set: Changes = ()) -> str:
    """Print a configuration with every default filled in.

    Args:
    """
    from nucseg_tf.config import find_config, load_config
    from nucseg_tf.schema import to_yaml

    return to_yaml(load_config(find_config(config), set)).rstrip()
