"""Opens every file of a data set and says what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage

from nucseg_tf.data.doubts import doubts
from nucseg_tf.data.fields import read_masks
from nucseg_tf.data.layouts import A_SET, NO_IMAGE, NO_MASK, NO_MASK_BESIDE, SPLITS, Problem
from nucseg_tf.data.manifest import LAYOUTS, scan
from nucseg_tf.errors import DataError
from nucseg_tf.io.choices import refuse_if_no_image_has
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.images import check_finite, read_image
from nucseg_tf.io.labels import relabel
from nucseg_tf.io.names import stem_of
from nucseg_tf.types import Field

NO_FIELD = (NO_IMAGE, NO_MASK_BESIDE, A_SET)  # reasons of files that stand for no image
Planes = tuple[int | str | None, int | str | None, bool]  # channel, z and invert


@dataclass(frozen=True)
class Report:
    """What `validate` found.

    Attributes:
        fields: all paired fields, usable or not.
        images: how many there are, with those that have no mask, or more than one.
        usable: how many of them can be used.
        problems: errors and warnings, in the order of the files.
    """

    fields: tuple[Field, ...]
    images: int
    usable: int
    problems: tuple[Problem, ...]


def validate(
    data: str | Path,
    channel: int | str | None = None,
    z: int | str | None = None,
    invert: bool = False,
    split_binary: bool = False,
) -> Report:
    """Open every file of a data set once and say what is wrong with it.

    Errors: no partner, unreadable or ambiguous, NaN, shapes that differ, masks that are no label
    images, regions that do not lie in theirs. Warnings: a constant image, masks without a known
    nucleus, labels in several pieces, what `doubts` finds, and in a folder that is being annotated,
    an image without a mask.

    Args:
        data: see `data.manifest`.
        channel, z, invert, split_binary: as of `load_field`.

    Raises:
        DataError: `data` has none of the known layouts.
        ChoiceError: no image has the channel or plane asked for.
    """
    fields, problems = scan(data)
    if not fields and not problems:
        raise DataError(f"{data}: no images found; {LAYOUTS}")
    images = len(fields) + len({p.path for p in problems if p.reason not in NO_FIELD})
    problems = [_excuse(problem, Path(data)) for problem in problems]
    usable, errors = 0, list[Exception]()
    for field in fields:
        found = _check_field(field, (channel, z, invert), split_binary, errors)
        usable += all(problem.usable for problem in found)
        problems += found
    refuse_if_no_image_has(errors, len(fields) - len(errors))
    return Report(tuple(fields), images, usable, tuple(problems))


def _excuse(problem: Problem, data: Path) -> Problem:
    """An image of a folder that is being annotated has no mask until it is accepted."""
    folders = [data, *(data / split for split in SPLITS)]
    begun = [f for f in folders if (f / "annotation").is_dir() and problem.path.is_relative_to(f)]
    if problem.reason != NO_MASK or not begun:
        return problem
    reason = "it is set aside" if _is_aside(problem.path, begun[-1]) else "it is not accepted yet"
    return Problem(problem.path, f"has no mask: {reason}", usable=True)


def _is_aside(image: Path, folder: Path) -> bool:
    """Whether an annotator could not judge an image; see `nucseg annotate`."""
    within = image.relative_to(folder).parent.parts
    group = within[1:] if within[:1] == ("images",) else within
    history = folder.joinpath("annotation", *group, stem_of(image), "history.json")
    try:
        return from_json(history.read_text(encoding="utf-8"))["status"] == "aside"
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _check_field(
    field: Field, planes: Planes, split_binary: bool, errors: list[Exception]
) -> list[Problem]:
    """What is wrong with a field; `errors` gets that of an image that cannot be read."""
    problems: list[Problem] = []
    pixels = labels = None
    try:
        channel, z, invert = planes
        image = read_image(field.image, channel=channel, z=z, invert=invert)
        pixels = image.pixels
        check_finite(image)
        if pixels.min() == pixels.max():
            problems.append(Problem(field.image, "is constant: nothing to see", usable=True))
    except DataError as error:
        problems.append(Problem.of(field.image, error))
        errors.append(error)
    try:
        labels = read_masks(field, split_binary)
        problems += _check_labels(field.masks[0], labels)
    except DataError as error:
        problems.append(Problem.of(field.masks[0], error))
    if pixels is not None and labels is not None and pixels.shape != labels.shape:
        reason = f"shape {labels.shape} differs from {pixels.shape} of its image {field.image}"
        problems.append(Problem(field.masks[0], reason))
    elif pixels is not None and labels is not None and all(p.usable for p in problems):
        problems += [Problem(field.masks[0], doubt, True) for doubt in doubts(pixels, labels)]
    return problems


def _check_labels(path: Path, labels: np.ndarray) -> list[Problem]:
    values = np.unique(labels)
    values = values[values > 0]
    if len(values) == 0:
        return [Problem(path, "has no nucleus: it teaches background alone", usable=True)]
    split = [int(values[i]) for i in _split_labels(relabel(labels))]
    if not split:
        return []
    if len(values) == 1:
        reason = (
            f"is a binary mask (0 and {values[0]}): nuclei are not told apart; with --split-binary "
            "each connected piece is one"
        )
    else:
        some = ", ".join(map(str, split[:5])) + (", ..." if len(split) > 5 else "")
        reason = f"{len(split)} of {len(values)} labels are in several pieces: {some}"
    return [Problem(path, reason, usable=True)]


def _split_labels(labels: np.ndarray) -> list[int]:
    """Indices from 0 of sequential labels that are in several pieces (8 neighbours)."""
    return [
        index
        for index, box in enumerate(ndimage.find_objects(labels))
        if cv2.connectedComponents((labels[box] == index + 1).astype(np.uint8), connectivity=8)[0]
        > 2
    ]
