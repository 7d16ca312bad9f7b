"""A whole plate on disk, drawn by several processes; the same command goes on after a stop.

truth/plate.json says what the plate was drawn from, so that no other plate is mixed with it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from nucseg_tf import __version__
from nucseg_tf.data.simulate.plate import truth
from nucseg_tf.data.simulate.plate.layouts import find_layout
from nucseg_tf.data.simulate.plate.screen import Screen, Spot
from nucseg_tf.errors import DataError, NucsegError, UsageError
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.labels import write_labels

Progress = Callable[[int, int, str], bool]


def write_plate(
    out: Path,
    screen: Screen,
    layout: str = "cellvoyager",
    workers: int | None = None,
    progress: Progress = lambda done, total, name: True,
) -> int:
    """Draw a plate and write it.

    Args:
        out: folder for the images and truth/; fields of this plate in it are kept.
        screen: the plate.
        layout: see `layouts`.
        workers: processes; as many as there are cores if None.
        progress: called after each field with those done, all, and its name; says whether to go on.

    Returns:
        How many fields are done; fewer than all if `progress` said to stop.

    Raises:
        UsageError: there is no such layout, or no workers.
        DataError: the folder holds something else.
        OutputError: nothing can be written there.
    """
    begin = find_layout(layout).begin
    if workers is not None and workers < 1:
        raise UsageError(f"--workers: expected 1 or more. Received: {workers}")
    _claim(out, screen, layout)
    begin(out, screen)
    spots = list(screen.spots())
    todo = [spot for spot in spots if not truth.labels_file(out, spot).exists()]
    done = len(spots) - len(todo)
    for spot in _drawn(out, screen, layout, todo, workers or _cores()):
        done += 1
        if not progress(done, len(spots), spot.stem) and done < len(spots):
            return done
    truth.write_tables(out, screen)
    return done


def draw_field(out: Path, screen: Screen, layout: str, spot: Spot) -> Spot:
    """Draw and write one field; its labels come last and say that it is there."""
    images, labels = screen.draw(spot)
    find_layout(layout).write_field(out, screen, spot, images)
    write_labels(truth.labels_file(out, spot), labels, screen.line.pixel_size)
    return spot


def _drawn(
    out: Path, screen: Screen, layout: str, spots: list[Spot], workers: int
) -> Iterator[Spot]:
    """Draw fields, in this process if it is alone; each is yielded once it is written."""
    if min(workers, len(spots)) <= 1:
        for spot in spots:
            yield draw_field(out, screen, layout, spot)
        return
    context = multiprocessing.get_context("spawn")  # threads of OpenCV do not survive a fork
    pool = ProcessPoolExecutor(min(workers, len(spots)), context, _set_up_worker)
    try:
        futures = [pool.submit(draw_field, out, screen, layout, spot) for spot in spots]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise NucsegError(
            "a process that draws fields was ended, perhaps for want of memory. The same command "
            "goes on; --workers 1 needs less."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)  # those under way are finished


def _set_up_worker() -> None:
    """One thread a process; signals are for the parent, which lets the others finish a field."""
    import cv2

    cv2.setNumThreads(1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Else the worker of a parent that was killed would wait for its next field for ever."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _claim(out: Path, screen: Screen, layout: str) -> None:
    """Note what the folder is for, or see that it was for the same.

    Raises:
        DataError: it was not.
    """
    made_of = {
        "synthetic": f"nucseg simulate {__version__}",
        "cell line": screen.line.name,
        "plate": [screen.rows, screen.columns],
        "wells": screen.wells,
        "fields": screen.fields,
        "channels": screen.channels,
        "size": list(screen.shape),
        "seed": screen.seed,
        "layout": layout,
    }
    text = json.dumps(made_of, indent=2) + "\n"
    record = out / truth.FOLDER / "plate.json"
    if record.is_file():
        if record.read_text(encoding="utf-8") == text:
            return
        raise DataError(
            f"{out}: holds another plate, of other settings or another version, see {record}. "
            "Remove it, or choose another --out."
        )
    if out.is_dir() and any(out.iterdir()):
        raise DataError(f"{out}: holds something else. Choose a new folder as --out.")
    ensure_folder(record.parent)
    with atomic_path(record) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
