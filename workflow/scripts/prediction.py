"""From a configuration to predictions of plates and folders of images."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks import DesignError, check
from names import require_models

TAKEN = ("out", "model", "shard", "shards", "dask", "table", "device", "workers")  # by the rules


def read_prediction(
    config: Mapping[str, Any], schema: Path, program: Path, source: str
) -> dict[str, Any]:
    """Validate a configuration and fill in defaults.

    Args:
        config: from YAML.
        schema: the JSON schema.
        program: folder that has the program beside the workflow.
        source: named in messages.

    Returns:
        The configuration, `inputs` as lists of paths.

    Raises:
        DesignError: it cannot be used.
    """
    design = check(dict(config), schema, source)
    require_models([design["model"]], program, f"{source}: model")
    design["inputs"] = {
        name: [paths] if isinstance(paths, str) else paths
        for name, paths in design["inputs"].items()
    }
    for name, paths in design["inputs"].items():
        _check_apart(Path(design["results"]), paths, f"{source}: inputs.{name}")
    _check_options(design["options"], f"{source}: options")
    return design


def flags(options: Mapping[str, Any]) -> str:
    """Options as the command line takes them, in the order of their names.

    >>> flags({"pixel_size": 0.5, "overlay": True, "channel": "DAPI 2"})
    "'--channel=DAPI 2' --overlay=True --pixel-size=0.5"
    """
    return shlex.join(_arguments(options))


def _arguments(options: Mapping[str, Any]) -> list[str]:
    texts = ((name, str(value)) for name, value in sorted(options.items()))
    return [f"--{name.replace('_', '-')}={text}" for name, text in texts]


def _check_apart(results: Path, paths: list[str], where: str) -> None:
    """Results in a folder of images would change it, and make it be predicted again and again."""
    for path in paths:
        if results.resolve().is_relative_to(Path(path).resolve()):
            raise DesignError(f"\n  {where}: {path} holds the results, {results}; choose another")


def _check_options(options: Mapping[str, Any], where: str) -> None:
    """Let the program read what it will be given, where it is installed beside Snakemake."""
    taken = [name for name in options if name in TAKEN]
    if taken:
        raise DesignError(f"\n  {where}: {taken[0]} is said by the workflow; see the other keys")
    try:
        from nucseg_tf.commands.arguments import check as check_arguments
        from nucseg_tf.commands.table import Commands
        from nucseg_tf.errors import UsageError
    except ImportError:
        return
    try:
        check_arguments(Commands.predict, ["images", "--out=results", *_arguments(options)])
    except UsageError as error:
        raise DesignError(f"\n  {where}: {error}") from error
