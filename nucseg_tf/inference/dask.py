"""Parts of a run as tasks of a Dask scheduler; imported only where one is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nucseg_tf.errors import ClusterError, NucsegError, UsageError

if TYPE_CHECKING:
    from distributed import Client, Future

LOG = logging.getLogger(__name__)
RETRIES = 2  # of a part that fails; parts whose worker dies are given to another by the scheduler
PATIENCE = 15  # s, for the scheduler to answer


def check_dask() -> None:
    """Raise UsageError where dask.distributed is not installed."""
    if find_spec("distributed") is None:
        raise UsageError('--dask: needs distributed. Run pip install "nucseg-tf[dask]".')


def run_on_dask(address: str, task: Callable[[str], None], count: int) -> None:
    """Have the parts of a run done by the workers of a scheduler.

    All parts are tried, whatever becomes of the others.

    Args:
        address: of the scheduler, such as tcp://host:8786, or the file that it wrote for clients.
        task: does the part that it is given, such as "2/4"; must be fit for pickling.
        count: of the parts.

    Raises:
        UsageError: dask.distributed is not installed.
        ClusterError: the scheduler cannot be reached, or parts failed.
    """
    check_dask()
    from distributed import as_completed

    failed: dict[str, str] = {}
    with _connect(address) as client:
        if not client.nthreads():
            LOG.warning("%s has no workers yet; waiting for some", address)
        parts = [f"{number}/{count}" for number in range(1, count + 1)]
        futures = client.map(task, parts, retries=RETRIES, pure=False)
        names = dict(zip(futures, parts, strict=True))
        for done, future in enumerate(as_completed(futures), start=1):
            part = names[future]
            if future.status != "finished":
                failed[part] = _reason(future)
                LOG.error("part %s: %s", part, failed[part])
            LOG.info("%d %% (%d/%d) part %s", 100 * done // count, done, count, part)
    if failed:
        part, reason = next(iter(failed.items()))
        raise ClusterError(
            f"{len(failed)} of {count} parts failed, such as {part}: {reason.rstrip('.')}. "
            "The same command goes on with what is not done."
        )


def _connect(address: str) -> Client:
    from distributed import Client

    try:
        if Path(address).is_file():
            return Client(scheduler_file=address, timeout=PATIENCE)
        return Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:  # those of its time limit among the former
        raise ClusterError(
            f"--dask: no Dask scheduler answers at {address} ({error or type(error).__name__}). "
            "Start one with dask scheduler, whose first lines name its address."
        ) from error


def _reason(future: Future) -> str:
    error = future.exception()
    if error is None:
        return f"{future.status}, for the scheduler is gone"
    return str(error) if isinstance(error, NucsegError) else repr(error)
