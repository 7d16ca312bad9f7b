"""Which channel, plane and time of its images a project is about, and whether nuclei are dark.

The choice is one for all fields, as a network sees one channel, and lies in DIR/annotation/
project.json. What is given on the command line goes before it, and is kept there: trainings and
labelling, which are processes of their own, have to see the planes that the page shows.
A field that has nothing to choose from is shown as it is, so that single planes may lie beside
stacks.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.choices import FOCUS, MAX, MEAN, Choice, parse
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.images import describe, read_raw
from nucseg_tf.io.planes import Planes, find_planes
from nucseg_tf.types import Image

CHOICE = "project.json"
ROLES = ("channel", "z", "t")


@dataclass(frozen=True)
class PlaneChoice:
    """As text: what a page or the command line says; see `io.choices`.

    Attributes:
        channel, z, t: None where nothing is said.
        invert: whether nuclei are dark on a bright background; False also where nothing is said.
    """

    channel: str | None = None
    z: str | None = None
    t: str | None = None
    invert: bool = False

    def over(self, other: PlaneChoice) -> PlaneChoice:
        """This choice, and the other's where this has none."""
        return PlaneChoice(**asdict(other) | self.said())

    def said(self) -> dict[str, Any]:
        """What is chosen, by name."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False)}

    def parsed(self) -> Choice:
        """Checked; UsageError."""
        choice = parse(self.channel, self.z, self.t, invert=self.invert)
        if not choice.is_one:
            raise UsageError(
                "expected one plane of one time. Received: "
                + ", ".join(f"{role} {text}" for role, text in self.said().items())
            )
        return choice


def read_choice(folder: Path) -> PlaneChoice:
    """The choice of a project.

    Args:
        folder: DIR.

    Returns:
        It; of nothing where nothing was chosen.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / "annotation" / CHOICE
    if not path.is_file():
        return PlaneChoice()
    try:
        known: dict[str, Any] = from_json(path.read_text(encoding="utf-8"))
        texts = {role: known.get(role) for role in ROLES}
        invert = known.get("invert", False)
        if not isinstance(invert, bool):
            raise ValueError(f"invert is {invert!r}, neither true nor false")
        chosen = {role: None if text is None else str(text) for role, text in texts.items()}
        found = PlaneChoice(**chosen, invert=invert)
        found.parsed()
    except (OSError, ValueError, AttributeError, UsageError) as error:
        raise DataError(
            f"{path}: cannot be read: expected channel, z, t and invert of the images. Remove "
            f"it, and choose anew in the page. Received: {error}"
        ) from error
    return found


def write_choice(folder: Path, choice: PlaneChoice) -> None:
    """Keep the choice of a project, whole or not at all; OutputError."""
    path = ensure_folder(folder / "annotation") / CHOICE
    with atomic_path(path, synced=True) as temporary:
        temporary.write_text(json.dumps(asdict(choice), indent=2) + "\n", encoding="utf-8")


def read_plane(path: Path, choice: PlaneChoice) -> Image:
    """The plane of an image that is meant by the choice of its project.

    Args:
        path: image file.
        choice: of the project; what the image has only one of need not be chosen.

    Raises:
        ImageReadError: it cannot be read.
        PlaneChoiceError: a choice is missing, or the image has no such plane.
    """
    raw = read_raw(path)
    wanted = choice.parsed()
    planes = find_planes(path, raw, wanted)
    fitting = Choice(**{role: _fitting(planes, wanted, role) for role in ROLES})
    pixels = planes.plane(planes.settle(fitting))
    return describe(pixels, raw, path, None)


def _fitting(planes: Planes, wanted: Choice, role: str) -> Any:
    return getattr(wanted, role) if planes.count(role) > 1 else None


def offer(path: Path, choice: PlaneChoice) -> dict[str, Any]:
    """What can be chosen of an image, from its header.

    Args:
        path: image file.
        choice: made so far.

    Returns:
        `offered`: of each of "channel", "z" and "t" that it has several of, the values that may be
        chosen with their text, [[value, text], ...]; `chosen`: the choice.

    Raises:
        ImageReadError: it cannot be read.
    """
    raw = read_raw(path)
    planes = find_planes(path, raw, Choice())
    offered = {role: _options(planes, role) for role in ROLES if planes.count(role) > 1}
    return {"offered": offered, "chosen": asdict(choice)}


def _options(planes: Planes, role: str) -> list[tuple[str, str]]:
    count = planes.count(role)
    if role == "channel":
        names = planes.names if len(set(planes.names)) == count else ()
        numbers = [str(n) for n in range(count)]
        return [*zip(names or numbers, names or numbers, strict=True), (MAX, "brightest of all")]
    made = [(FOCUS, "sharpest"), (MAX, "brightest of all"), (MEAN, "mean of all")]
    single = [(str(n), f"{n + 1} of {count}") for n in range(count)]
    return [*made, *single] if role == "z" else single
