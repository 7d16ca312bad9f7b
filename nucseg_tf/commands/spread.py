"""A command over images whose parts others do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nucseg_tf.commands.merge import merge_parts
from nucseg_tf.commands.records import raise_if_failed
from nucseg_tf.errors import SomeImagesFailed, UsageError

SHARDS = 32
TAKEN = ("dask", "shards", "shard", "table", "paths", "writers")  # of a command's arguments


def spread(command: Callable[..., Path], asked: Mapping[str, Any]) -> Path:
    """Have a command done by the workers of a Dask scheduler, and put the parts together.

    Args:
        command: takes `shard`, as `predict` does, and `asked`.
        asked: its arguments, by name; `dask` and `shards` say where and in how many parts.

    Returns:
        The folder of results.

    Raises:
        UsageError: the arguments do not go together.
        ClusterError: the scheduler cannot be reached, or a part failed.
        SomeImagesFailed: all parts are done, but for some images.
    """
    from nucseg_tf.inference.dask import check_dask, run_on_dask
    from nucseg_tf.inference.merge import find_parts, refuse_other_counts
    from nucseg_tf.io.tables import check_format

    options = {**asked, **asked["writers"]}
    address, shards, shard, table, paths, _ = map(options.pop, TAKEN)
    count = SHARDS if shards is None else shards
    if address is None:
        raise UsageError("--shards: is for --dask. Without, say which part: --shard 1/4.")
    if shard is not None:
        raise UsageError("--shard: --dask does all parts. Leave one of both out.")
    if count < 1:
        raise UsageError(f"--shards: expected 1 or more. Received: {shards}.")
    check_dask()
    check_format(table)
    out = options["out"]
    refuse_other_counts(out, count)
    task = partial(_do, command, [path.absolute() for path in paths], _absolute(options))
    run_on_dask(address, task, count)
    parts = find_parts(out)
    record = merge_parts([out], out, table)
    for part in parts:
        part.remove()
    raise_if_failed(out, len(record["failures"]), len(record["images"]))
    return out


def _do(
    command: Callable[..., Path], paths: Sequence[Path], options: Mapping[str, Any], shard: str
) -> None:
    """Do a part, on whatever machine this is."""
    try:
        command(*paths, shard=shard, **options)
    except SomeImagesFailed:
        return  # they stand in the part's record; the part as a whole need not be tried again


def _absolute(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as another process takes them, which works in another folder."""
    model = Path(options["model"])
    found = {**options, "model": str(model.absolute()) if model.is_dir() else options["model"]}
    return {name: v.absolute() if isinstance(v, Path) else v for name, v in found.items()}
