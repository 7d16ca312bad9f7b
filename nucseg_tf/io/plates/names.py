"""What microscopes call the files of a plate, as regular expressions with named groups.

Groups say what a part of the name is; all but the well may be missing:

    plate            its name
    well             B03; or row (letters or number) and column; or number, counted row by row,
                     where the plate's columns are known
    field            number of the field in its well; 1 where there is none
    channel          its name; "1" where there is none
    action           what, besides the channel, tells two series of images apart
    z, t             numbers of the plane and of the time; 0 where there is none

A pattern describes a file's name from start to end. One with a "/" describes the path below the
plate's folder instead, with "/" on all systems.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nucseg_tf.errors import UsageError
from nucseg_tf.io.plates.wells import Place, in_plate, parse_row, parse_well
from nucseg_tf.suggest import nearest

GROUPS = (*("plate", "well", "row", "column", "number"), *("field", "channel", "action", "z", "t"))
NUMBERS = {"column", "number", "field", "z", "t"}
SHARE = 0.5  # of the images that a pattern must match to be recognised


@dataclass(frozen=True)
class Name:
    """What a file's name says; see the module for the parts.

    Attributes:
        place: row and column of the well.
    """

    plate: str
    place: Place
    field: int
    channel: str
    action: str
    z: int
    t: int


@dataclass(frozen=True)
class Pattern:
    """How the files of a kind of microscope are named.

    Attributes:
        title: of the microscope or its program.
        example: a name that it matches.
        regex: with the groups above.
        left_out: files that belong to it, but are no images of the plate: thumbnails.
    """

    title: str
    example: str
    regex: re.Pattern[str]
    left_out: re.Pattern[str] | None = None

    def read(self, path: str, columns: int | None = None) -> Name | None:
        """What a path says, or None where it does not match or no plate has such a well.

        Args:
            path: below the plate's folder, with "/".
            columns: of the plate, for names that count its wells.

        Raises:
            UsageError: wells are counted, and `columns` is not known; or a group of numbers is
                none.
        """
        match = self._match(path)
        if not match:
            return None
        found = {key: text for key, text in match.groupdict().items() if text is not None}
        for group in NUMBERS & found.keys():
            if not found[group].isdecimal():
                raise UsageError(
                    f"{path}: group {group} of the pattern is {found[group]!r}; expected digits"
                )
        place = _place(found, columns, path)
        if place is None:
            return None
        return Name(
            plate=found.get("plate", ""),
            place=place,
            field=int(found.get("field", 1)),
            channel=found.get("channel", "1"),
            action=found.get("action", ""),
            z=int(found.get("z", 0)),
            t=int(found.get("t", 0)),
        )

    def matches(self, path: str) -> bool:
        """Whether a path is one of this kind."""
        return self._match(path) is not None

    def leaves_out(self, path: str) -> bool:
        """Whether a path is a thumbnail or the like."""
        return self.left_out is not None and self.left_out.search(path) is not None

    def _match(self, path: str) -> re.Match[str] | None:
        text = path if "/" in self.regex.pattern else path.rpartition("/")[2]
        return self.regex.fullmatch(text)


def _place(found: dict[str, str], columns: int | None, path: str) -> Place | None:
    if "well" in found:
        return parse_well(found["well"])
    if "row" in found and "column" in found:
        return in_plate(parse_row(found["row"]), int(found["column"]))
    if "number" not in found or int(found["number"]) < 1:
        return None
    if columns is None:
        raise UsageError(
            f"{path}: counts the wells of the plate, {found['number']}, and does not say where "
            "they are. Say how many columns the plate has: --columns 12"
        )
    row, column = divmod(int(found["number"]) - 1, columns)
    return in_plate(row + 1, column + 1)


def _known(title: str, example: str, regex: str, left_out: str | None = None) -> Pattern:
    flags = re.IGNORECASE
    return Pattern(
        title, example, re.compile(regex, flags), re.compile(left_out, flags) if left_out else None
    )


PATTERNS = (
    # Yokogawa CV7000 and CV8000. L is the time line, A the action: the same channel can be taken
    # twice, as a stack and as its projection. Images that correct the camera (DC_..., SC_...) lie
    # beside the others and match nothing.
    _known(
        "CellVoyager",
        "AssayPlate_B03_T0001F001L01A01Z01C01.tif",
        r"(?P<plate>.+)_(?P<well>[A-Z]{1,2}\d{2})_T(?P<t>\d{4})F(?P<field>\d{3,})L\d{2}"
        r"(?P<action>A\d{2})Z(?P<z>\d{2,})(?P<channel>C\d{2})\.\w+",
    ),
    # Molecular Devices: sites, wavelengths, and a GUID unless it is turned off; times and planes
    # are folders. A projection lies beside the folders of its planes, and is plane 0.
    _known(
        "MetaXpress",
        "TimePoint_1/ZStep_1/Plate_B03_s1_w1.tif",
        # Possessive: no way back. It must be sure of a group before it begins, or `re` goes wrong.
        r"(?:TimePoint_(?=\d+/)(?P<t>\d+)/|ZStep_(?=\d+/)(?P<z>\d+)/|[^/]*/)*+"
        r"(?:(?P<plate>[^/]+?)_)?(?P<well>[A-Z]{1,2}\d{2})(?=_[sw]\d)(?:_s(?P<field>\d+))?"
        r"(?:_(?P<channel>w\d+?))?(?:[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})?\.\w+",
        left_out=r"_thumb[^/]*$",
    ),
    # Its successor counts from 0 and has all in the name.
    _known(
        "ImageXpress HCS.ai",
        "Protocol_t0_B03_s0_w0_z0.tif",
        r"(?P<plate>.+)_t(?P<t>\d+)_(?P<well>[A-Z]{1,2}\d{2})_s(?P<field>\d+)_(?P<channel>w\d+)"
        r"_z(?P<z>\d+)\.\w+",
    ),
    # Opera Phenix and Operetta by Harmony: row, column, field, plane, channel; sk is the time, rc
    # a second number of the channel in earlier versions.
    _known(
        "Harmony",
        "r02c03f01p01-ch1sk1fk1fl1.tiff",
        r"r(?P<row>\d{2})c(?P<column>\d{2})f(?P<field>\d+)p(?P<z>\d+)(?P<action>rc\d+)?"
        r"-(?P<channel>ch\d+)sk(?P<t>\d+)fk\d+fl\d+\.\w+",
    ),
    # GE IN Cell: excitation and emission are one name where they are the same.
    _known(
        "IN Cell",
        "B - 03(fld 1 wv DAPI - DAPI z 2 time 1 - 0 ms).tif",
        r"(?:(?P<plate>.+)_)?(?P<row>[A-Z]{1,2}) - (?P<column>\d{1,2})\(fld (?P<field>\d+)"
        r"(?: wv (?P<channel>.+?)(?: - (?P=channel))?)?(?: z (?P<z>\d+))?"
        r"(?:-? time (?P<t>\d+) - \d+ ?ms)?\)\.\w+",
    ),
    # The same from version 7.2 on, by choice.
    _known(
        "IN Cell 7.2",
        "B_03_f1_c1_xUV_mDAPI_z1_t1.tif",
        r"(?P<row>[A-Z]{1,2})_(?P<column>\d{1,2})_f(?P<field>\d+)_c\d+_(?P<channel>x.+_m.+)"
        r"_z(?P<z>\d+)_t(?P<t>\d+)\.\w+",
    ),
    # Olympus ScanR: W counts the wells row by row; some versions put the well's name before.
    _known(
        "ScanR",
        "B3--W00015--P00001--Z00000--T00000--DAPI.tif",
        r"(?:(?P<well>[A-Z]{1,2}\d{1,2})|.*?)--W(?P<number>\d+)--P(?P<field>\d+)--Z(?P<z>\d+)"
        r"--T(?P<t>\d+)--(?P<channel>.+)\.\w+",
    ),
    # Thermo Fisher ArrayScan and CellInsight: f is the field, d the channel, both from 0.
    _known(
        "Cellomics",
        "MFGTMP_150903100001_B03f00d0.tif",
        r"(?P<plate>.+)_(?P<well>[A-Z]{1,2}\d{2})f(?P<field>\d+)(?P<channel>d\d+)\.\w+",
    ),
)


def own_pattern(text: str) -> Pattern:
    """A user's pattern.

    Raises:
        UsageError: no regular expression, unknown groups, or none that says which well it is.
    """
    try:
        regex = re.compile(text)
    except re.error as error:
        raise UsageError(
            f"--pattern: is no regular expression: {error}. Received: {text}"
        ) from error
    for group in regex.groupindex:
        if group not in GROUPS:
            raise UsageError(f"--pattern: unknown group {group}; {nearest(group, GROUPS)}")
    groups = set(regex.groupindex)
    if not ({"well"} <= groups or {"row", "column"} <= groups or {"number"} <= groups):
        raise UsageError(
            "--pattern: does not say which well a file is of; expected a group well, or row and "
            f"column, or number. {HOW_TO}"
        )
    return Pattern("--pattern", "", regex)


HOW_TO = (
    "A pattern is a Python regular expression of the whole name, such as --pattern "
    r"'(?P<plate>.+)_(?P<well>[A-P]\d\d)_f(?P<field>\d+)_(?P<channel>\w+)\.tif'; its groups are "
    f"{', '.join(GROUPS)}."
)


def recognise(paths: Sequence[str], folder: str) -> Pattern:
    """The known pattern that most of a folder's images match.

    Args:
        paths: below the folder, with "/"; one at least.
        folder: for messages.

    Raises:
        UsageError: none matches half of them, or two match as many.
    """
    counts = {pattern: sum(map(pattern.matches, paths)) for pattern in PATTERNS}
    best = max(counts.values())
    first = [pattern for pattern, count in counts.items() if count == best]
    if best <= SHARE * sum(not first[0].leaves_out(path) for path in paths):
        tried = "\n".join(f"  {p.title:20}{counts[p]:6}  {p.example}" for p in PATTERNS)
        raise UsageError(
            f"{folder}: names of {len(paths)} images are of no known kind, for instance "
            f"{paths[0]}. Known are, with the number of images that match:\n{tried}\n{HOW_TO}"
        )
    if len(first) > 1:
        titles = " and ".join(pattern.title for pattern in first)
        raise UsageError(
            f"{folder}: names of images are of two kinds, {titles}, for instance {paths[0]}. "
            f"{HOW_TO}"
        )
    return first[0]
