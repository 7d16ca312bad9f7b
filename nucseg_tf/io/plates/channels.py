"""Whether plates have the channel that is asked for; found out before a run begins."""

from __future__ import annotations

from collections.abc import Sequence

from nucseg_tf.errors import ChoiceError, ImageReadError, UsageError
from nucseg_tf.io.choices import MAX, Choice, refuse_if_no_image_has
from nucseg_tf.io.planes import find_planes
from nucseg_tf.io.plates.names import recognise
from nucseg_tf.io.plates.plate import Plate
from nucseg_tf.io.plates.sources import FilesField, ZarrSource
from nucseg_tf.io.sources import FileSource, Source


def refuse_unknown_channel(sources: Sequence[Source], choice: Choice) -> None:
    """Refuse a channel that no field of a run over plates has.

    Without it a run would open every field of a plate to fail in each. Opened is one field of a
    plate of files, whose channels are those of all, and of OME-Zarr all up to one that has it.

    Args:
        sources: all images of the run; nothing is looked at if some are of no plate.
        choice: what is asked for.

    Raises:
        ChoiceError: none has it.
    """
    if choice.channel in (None, MAX):
        return
    if not all(isinstance(source, FilesField | ZarrSource) for source in sources):
        return
    errors: list[Exception] = []
    seen: list[Plate] = []
    for source in sources:
        plate = source.plate if isinstance(source, FilesField) else None
        if plate is not None and any(plate is other for other in seen):
            continue
        try:
            planes = find_planes(source.path, source.open(), choice)
            planes.number("channel", choice.channel or 0)
        except ChoiceError as error:
            errors.append(error)
            seen += [plate] if plate else []
        except ImageReadError:
            continue  # is told in its turn
        else:
            return
    refuse_if_no_image_has(errors, 0)


def pattern_hint(sources: Sequence[Source]) -> str:
    """What to try where images lack a channel because they are planes of a plate; else nothing."""
    files = [source.path.name for source in sources if isinstance(source, FileSource)]
    try:
        if not (files and recognise(files, "")):
            return ""
    except UsageError:
        return ""
    return " With --pattern auto they are fields of wells, whose channels have names."
