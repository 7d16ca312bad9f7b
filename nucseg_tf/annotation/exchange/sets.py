"""Data sets of others, one file for all images, as a mask for each: what all formats share."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucseg_tf.annotation.exchange.outcome import Outcome, Progress
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.files import ensure_folder
from nucseg_tf.io.labels import write_labels
from nucseg_tf.io.names import nuclei_among
from nucseg_tf.io.tables import write_failures

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelSet:
    """The images of a data set.

    Attributes:
        names: of their files, in order.
        draw: for each image what gives its labels, (H, W) int32, or raises a DataError.
        classes: all that its objects are of.
    """

    names: list[str]
    draw: Iterable[Callable[[], np.ndarray]]
    classes: frozenset[str] = frozenset()


def choose(file: Path, classes: Counter[str]) -> set[str]:
    """Of the classes of a data set, and how often they are there, those of nuclei; see `names`.

    A warning names the others.
    """
    chosen = nuclei_among(classes)
    left = {name: count for name, count in classes.items() if count and name not in chosen}
    if others := [f"{count} of {name!r}" for name, count in left.items()]:
        LOG.warning(
            "%s: left out, which are called otherwise than nuclei: %s", file, ", ".join(others[:5])
        )
    return chosen


def bring(found: LabelSet, file: Path, folder: Path, progress: Progress) -> Outcome:
    """Write masks/STEM.tif for each image of a data set.

    Args:
        found: the data set.
        file: that it is from.
        folder: gets masks/, and failures.csv if images had to be left out.
        progress: called after each image; says whether to go on.

    Raises:
        UsageError: a mask exists.
        DataError: two images would have the same mask.
    """
    targets = _targets(file, found.names, folder / "masks")
    ensure_folder(folder / "masks")
    outcome = Outcome()
    for number, (draw, target) in enumerate(zip(found.draw, targets, strict=True), start=1):
        try:
            write_labels(target, draw())
            outcome.done.append(target.stem)
        except DataError as error:
            outcome.failures.append((target.stem, str(error)))
        if not progress(number, len(targets), target.stem):
            outcome.stopped = True
            break
    write_failures(folder, outcome.failures)
    return outcome


def _targets(file: Path, names: list[str], folder: Path) -> list[Path]:
    """The mask of each image."""
    stems = [Path(re.split(r"[/\\]", name)[-1]).stem for name in names]
    twice = [stem for stem, count in Counter(stems).items() if count > 1 or not stem]
    if twice:
        raise DataError(f"{file}: several images are called {twice[0]!r}; give each its own name")
    targets = [folder / f"{stem}.tif" for stem in stems]
    there = [target for target in targets if target.exists()]
    if there:
        raise UsageError(
            f"{there[0]}: exists already ({len(there)} masks do); choose another folder, or remove "
            "them"
        )
    return targets
