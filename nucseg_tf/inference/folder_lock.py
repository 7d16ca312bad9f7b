"""One run at a time writes to a folder, or to a part of it; see `io.locks` for how."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nucseg_tf.errors import BusyError
from nucseg_tf.io import locks

ANOTHER = "another run writes its results here"
REMEDY = "Wait for its end, or choose another folder (--out)."


@contextmanager
def only_run_in(folder: Path, part: str = "") -> Iterator[None]:
    """Keep other runs out of a folder, or of its part.

    Parts of one run may be at work side by side, but no whole run beside them.

    Args:
        folder: of the results; it is there.
        part: of the names of files, if several runs share the folder: "-1of4".

    Raises:
        BusyError: another run is at work there.
        OutputError: the folder cannot be written.
    """
    what = f"{folder}: {ANOTHER}"
    with locks.only_one(folder / f".lock{part}", what, REMEDY):
        for other in [folder / ".lock"] if part else folder.glob(".lock-*of*"):
            holder = locks.held(other)
            if holder is not None:
                raise BusyError(f"{what}: {holder}. {REMEDY}")
        yield
